"""A person who looks at a flawed set: sees what is wrong with it, and mends it, by mouse and by keyboard."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import Browser, Served, flawed_zip, open_browser, serve_page
from playwright.sync_api import Locator, Page, expect
from test_page import (
    LOOKED_AT_MS,
    SOON_MS,
    choose,
    is_as_wide_as_the_screen,
    look_at,
    open_tab,
    opened,
    options_of,
    see_result,
    train,
)

WIDTHS_PX = (1200, 375)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_page(tmp_path_factory.mktemp("page") / "here") as served:
        yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def test_a_flawed_zip_is_understood_and_mended(served: Served, browser: Browser, tmp_path: Path) -> None:
    with browser.person(served, "careful", width=WIDTHS_PX[0]) as (context, watch):
        page = opened(context.new_page(), served)
        look_at(page, flawed_zip(tmp_path / "flawed.zip"))
        check_findings(page)
        check_keyboard(page)
        download(page, "Download the health report", tmp_path / "flawed-health.html")
        assert "apple/broken.png" in (tmp_path / "flawed-health.html").read_text(encoding="utf-8")
        check_wrong_labels(page)
        check_preview(page)
        check_copy(page, tmp_path)
        for width in WIDTHS_PX:
            page.set_viewport_size({"width": width, "height": 812})
            assert is_as_wide_as_the_screen(page), f"scrolls sideways at {width} px"
        leave_out(page)
        watch.check()


def check_findings(page: Page) -> None:
    data = page.locator("#data")
    expect(data).to_contain_text("flawed.zip: 73 readable images in 3 classes. Splits: none given")
    expect(data).to_contain_text("Of all images 'lime' has 1.1 times as many as 'apple'")
    expect(data).to_contain_text("apple/broken.png: is not an image but a text")
    copies = data.locator("figure", has_text="plum/again.png").first.locator("img")
    expect(copies).to_have_count(2)
    for picture in copies.all():
        expect(picture).to_have_attribute("alt", re.compile(r"plum/(0|again)\.png"))
        assert is_drawn(picture)


def is_drawn(picture: Locator) -> bool:
    drawn: bool = picture.evaluate("async image => { await image.decode(); return image.naturalWidth > 10; }")
    return drawn


def check_keyboard(page: Page) -> None:
    """The fold opens by the keyboard, and the tools follow in the order in which they stand."""
    fold = page.locator("#data summary", has_text="Channels")
    fold.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="mean, test_resnet")).to_be_visible()
    page.keyboard.press("Enter")
    for name in ("Download the health report", "Make a cleaned copy", "Find wrong labels"):
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text(name)


def check_wrong_labels(page: Page) -> None:
    page.get_by_role("button", name="Find wrong labels").press("Enter")
    expect(page.locator("#suspects [role=progressbar]")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_role("button", name="Stop the search")).to_be_visible(timeout=SOON_MS)
    first = page.locator("#suspects figure").first
    expect(first).to_contain_text("1. lime → apple", timeout=LOOKED_AT_MS)
    assert is_drawn(first.get_by_role("img", name="lime/apple.png"))
    expect(page.get_by_role("button", name="Stop the search")).to_be_hidden()
    page.locator("#suspects summary").click()
    expect(page.get_by_role("cell", name="lime/apple.png")).to_be_visible()
    expect(page.get_by_role("radio", name="keep as they are")).to_be_checked()
    page.get_by_role("radio", name="leave out").check()
    page.get_by_label("Which of them").fill("1")


def check_preview(page: Page) -> None:
    options_of(page)
    choose(page, "image-size", "64")
    choose(page, "augment", "light")
    page.get_by_role("button", name="Preview the augmentation").click()
    sheet = page.locator("#augment-sheet img")
    expect(sheet).to_be_visible(timeout=LOOKED_AT_MS)
    expect(page.locator("#augment-sheet")).to_contain_text("Augmentation light: ")
    assert is_drawn(sheet)
    choose(page, "augment", "the strategy's own")


def check_copy(page: Page, folder: Path) -> None:
    open_tab(page, "Data")
    page.get_by_role("button", name="Make a cleaned copy").click()
    expect(page.locator("#cleaned")).to_contain_text("Images in the cleaned copy: 72.", timeout=LOOKED_AT_MS)
    download(page, "Download the cleaned copy", folder / "flawed-cleaned.zip")
    with zipfile.ZipFile(folder / "flawed-cleaned.zip") as archive:
        assert len([name for name in archive.namelist() if name.endswith(".png")]) == 72


def download(page: Page, link: str, target: Path) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()
    assert download.value.suggested_filename == target.name
    download.value.save_as(target)


def leave_out(page: Page) -> None:
    train(page, "freeze-all")
    see_result(page)
    expect(page.locator("#results")).to_contain_text("Images left out, as their label is probably wrong: 1.")
