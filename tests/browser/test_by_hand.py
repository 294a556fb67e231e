"""A person who mends a data set in the page, makes one there, and comes back to an earlier one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import Browser, Served, colour_zip, flawed_zip, open_browser, serve_page
from playwright.sync_api import Page, expect
from test_page import LOOKED_AT_MS, SOON_MS, choose, is_as_wide_as_the_screen, look_at, opened


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_page(tmp_path_factory.mktemp("page") / "here") as served:
        yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def test_a_set_is_mended_another_made_and_the_first_come_back_to(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    with browser.person(served, "by hand", width=375) as (context, watch):
        page = opened(context.new_page(), served)
        look_at(page, flawed_zip(tmp_path / "flawed.zip"))
        mend(page)
        make_a_set(page, colour_zip(tmp_path / "plain.zip", each=12).with_suffix(""))
        assert is_as_wide_as_the_screen(page)
        come_back(page)
        watch.check()


def mend(page: Page) -> None:
    """A finding is opened, one copy left out by the keyboard, the other given another class, and that undone."""
    closer = page.locator("#data .closer", has_text="plum/again.png").first
    closer.locator("summary").press("Enter")
    large = closer.get_by_role("img", name="plum/again.png").last
    expect(large).to_be_visible()
    assert large.evaluate("async image => { await image.decode(); return image.naturalWidth; }") == 48
    closer.get_by_role("button", name="Leave plum/again.png out").press("Enter")
    expect(page.locator("#corrections")).to_contain_text("from now on: 1 (1 left out", timeout=SOON_MS)
    expect(closer.get_by_role("button", name="Undo the correction of plum/again.png")).to_be_visible()
    closer.get_by_label("Another class for plum/0.png").select_option("lime")
    closer.get_by_role("button", name="Give plum/0.png this class").click()
    expect(page.locator("#corrections")).to_contain_text("1 left out, 1 given another class")
    closer.get_by_role("button", name="Undo the correction of plum/0.png").click()
    expect(page.locator("#corrections")).to_contain_text("1 left out, 0 given another class")
    page.locator("#look").click()
    expect(page.locator("#data")).to_contain_text("72 readable images", timeout=LOOKED_AT_MS)
    expect(page.locator("#corrections")).to_contain_text("counts them already")
    expect(page.locator("#look")).to_be_hidden()


def make_a_set(page: Page, images: Path) -> None:
    """Two classes from files, one image taken out, a reload in the middle, and the look."""
    page.get_by_role("button", name="Make a data set here").click()
    page.get_by_role("button", name="Begin a new, empty set").click()
    expect(page.locator("#data")).to_have_text("", timeout=SOON_MS)
    for name, n_images in (("apple", 12), ("lime", 11)):
        page.locator("#own-class").get_by_role("textbox").fill(name)
        page.locator("#own-files input[type=file]").set_input_files(
            sorted((images / name).iterdir())[:n_images]
        )
        expect(page.locator("#own-files")).to_contain_text(re.compile(r"1\s*\.png"), timeout=SOON_MS)
        page.locator("#own-add").click()
        expect(page.locator("#own-images h3", has_text=name)).to_contain_text(str(n_images), timeout=SOON_MS)
    page.get_by_role("button", name="Remove image 12 of apple").click()
    expect(page.locator("#own-images")).to_contain_text("So far: 22 images in 2 classes.", timeout=SOON_MS)
    page.reload()
    page.get_by_role("button", name="Make a data set here").click()
    expect(page.locator("#own-images")).to_contain_text("So far: 22 images in 2 classes.", timeout=SOON_MS)
    if not page.locator("#backbone input").is_visible():
        page.get_by_role("button", name="Which network").click()
    choose(page, "backbone", "test_resnet")
    page.get_by_role("button", name="Look at these images").click()
    expect(page.locator("#go-to-train")).to_be_visible(timeout=LOOKED_AT_MS)
    expect(page.locator("#data")).to_contain_text("my images: 22 readable images in 2 classes.")


def come_back(page: Page) -> None:
    """Both sets are listed; the first is opened, the other deleted after one question."""
    page.get_by_role("button", name="Earlier data sets").click()
    page.get_by_role("button", name="Open flawed.zip").click()
    expect(page.locator("#data")).to_contain_text("flawed.zip: 72 readable images", timeout=SOON_MS)
    page.get_by_role("button", name="Delete my images").click()
    expect(page.locator("#earlier")).to_contain_text("This cannot be undone.")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#earlier")).not_to_contain_text("my images", timeout=SOON_MS)
    expect(page.locator("#earlier")).to_contain_text("flawed.zip")
