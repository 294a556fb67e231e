"""A person who tries a classifier, by mouse and by keyboard, in English and in Chinese; and axe-core on every tab."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_axe import faults_on_every_tab, unreachable_by_keyboard
from page_server import Browser, Served, colour_zip, open_browser, serve_page
from playwright.sync_api import Page, expect
from test_page import LOOKED_AT_MS, SOON_MS, TRAINED_MS, go_to, look_at, open_tab, opened, train

from ui.layout import TABS


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_page(tmp_path_factory.mktemp("page") / "here") as served:
        yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def test_a_classifier_is_tried_and_every_tab_is_for_everybody(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    photos = colour_zip(tmp_path / "photos.zip")
    with browser.person(served, "trying", width=1200) as (context, watch):
        page = opened(context.new_page(), served)
        look_at(page, photos)
        train(page, "freeze-all")
        expect(page.locator("#go-to-results")).to_be_visible(timeout=TRAINED_MS)
        open_tab(page, "Test")
        try_held_out(page)
        move_the_slider(page)
        ask_many(page, photos, tmp_path)
        check_every_tab(page)
        go_to(page, f"{served.url}/language/zh")
        open_tab(page, "试用")
        expect(page.locator("#many .headline")).to_contain_text("张图像，由", timeout=SOON_MS)
        assert faults_on_every_tab(page, "zh") == []
        watch.check()


def try_held_out(page: Page) -> None:
    """Press a held-out image by keyboard; its true label is told with the answer."""
    pictures = page.locator("#held-out button")
    expect(pictures.nth(2)).to_be_visible(timeout=SOON_MS)
    pictures.nth(1).press("Enter")
    expect(page.locator("#answer .truth")).to_contain_text(
        "in your data it is labelled", timeout=LOOKED_AT_MS
    )
    expect(page.locator("#answer .answers li")).to_have_count(3)
    expect(page.locator("#add-row")).to_be_hidden()


def move_the_slider(page: Page) -> None:
    page.locator("#ask-why").click()
    slider = page.get_by_label("Original ↔ heat map")
    expect(slider).to_be_visible(timeout=LOOKED_AT_MS)
    slider.press("Home")
    expect(page.locator("#why .heat")).to_have_css("clip-path", "inset(0px 100% 0px 0px)")
    slider.press("End")
    expect(page.locator("#why .heat")).to_have_css("clip-path", "inset(0px 0% 0px 0px)")
    page.get_by_label("Strength of the heat map").press("Home")
    expect(page.locator("#why .heat")).to_have_css("opacity", "0")
    page.locator("#held-out button").first.click()
    expect(page.locator("#why .heat")).to_have_count(0, timeout=SOON_MS)


def ask_many(page: Page, photos: Path, folder: Path) -> None:
    images = sorted((photos.with_suffix("") / "lime").glob("*.png"))[:2]
    page.locator("#many-images input[type=file]").set_input_files([photos, *images])
    expect(page.locator("#many .headline")).to_contain_text("44 images, asked of", timeout=LOOKED_AT_MS)
    tiles = page.locator("#many .tiles button")
    expect(tiles).to_have_count(44)
    tiles.nth(0).click()
    expect(page.locator("#answer .truth")).to_have_count(0, timeout=SOON_MS)
    expect(page.locator("#answer .headline")).to_contain_text("%")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all answers (CSV)").click()
    download.value.save_as(folder / "answers.csv")
    lines = (folder / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 45
    assert any(line.startswith("photos/plum/0.png,") for line in lines)


def check_every_tab(page: Page) -> None:
    assert faults_on_every_tab(page, "en") == []
    for name in TABS:
        open_tab(page, name)
        assert unreachable_by_keyboard(page) == [], name
    open_tab(page, "Test")
