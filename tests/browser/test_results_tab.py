"""A person who looks into a run, compares it, takes it with them by the very lines shown, and deletes all of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import Browser, Served, colour_zip, open_browser, serve_page
from playwright.sync_api import Page, expect
from test_page import (
    LOOKED_AT_MS,
    SOON_MS,
    TRAINED_MS,
    go_to,
    is_as_wide_as_the_screen,
    look_at,
    open_tab,
    opened,
    train,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_page(tmp_path_factory.mktemp("page") / "here") as served:
        yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def test_runs_are_looked_into_compared_taken_along_and_deleted(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    photos = colour_zip(tmp_path / "photos.zip")
    with browser.person(served, "results", width=375) as (context, watch):
        page = opened(context.new_page(), served)
        look_at(page, photos)
        for number in (1, 2):
            train(page, "freeze-all")
            open_tab(page, "Results")
            name = f"photos-freeze-all-{number}"
            expect(page.locator("#results")).to_contain_text(name, timeout=TRAINED_MS)
        open_a_cell(page)
        choose_and_compare(page, served)
        open_tab(page, "Use")
        assert is_as_wide_as_the_screen(page)
        run_the_lines(page, photos, tmp_path)
        write_onnx(page, tmp_path)
        copy_a_line(page)
        delete(page, served)
        watch.check()


def open_a_cell(page: Page) -> None:
    """Press a number of the matrix by keyboard; its images come, and can be closed."""
    cell = page.locator("#matrix .matrix .hit button").first
    count = int(cell.inner_text())
    cell.press("Enter")
    images = page.locator("#cell img")
    expect(images).to_have_count(count, timeout=SOON_MS)
    images.first.scroll_into_view_if_needed()
    expect(images.first).to_have_js_property("complete", value=True, timeout=SOON_MS)
    assert images.first.evaluate("image => image.naturalWidth") > 0
    page.locator("#cell").get_by_role("button", name="Close").click()
    expect(page.locator("#cell .opened")).to_have_count(0, timeout=SOON_MS)


def choose_and_compare(page: Page, served: Served) -> None:
    """Choose the older run: the tabs Test and Use answer with it, also after a reload and in the other language."""
    page.get_by_role("button", name="Show photos-freeze-all-1").click()
    expect(page.locator("#runs .shown")).to_contain_text("photos-freeze-all-1", timeout=SOON_MS)
    page.get_by_role("button", name="Compare with photos-freeze-all-2").click()
    told = page.locator("#comparison .headline")
    expect(told).to_contain_text("Cannot be told apart", timeout=SOON_MS)
    assert is_as_wide_as_the_screen(page)
    page.reload()
    expect(told).to_contain_text("Cannot be told apart", timeout=SOON_MS)
    open_tab(page, "Use")
    expect(page.locator("#download")).to_contain_text("photos-freeze-all-1", timeout=SOON_MS)
    go_to(page, f"{served.url}/language/zh")
    page.get_by_role("tab", name="部署").click()
    expect(page.locator("#download")).to_contain_text("图像判断正确", timeout=SOON_MS)
    page.get_by_role("tab", name="结果").click()
    expect(page.locator("#comparison .headline")).to_contain_text("分不出高下", timeout=SOON_MS)
    go_to(page, f"{served.url}/language/en")
    open_tab(page, "Results")
    expect(page.locator("#runs .shown")).to_contain_text("photos-freeze-all-1", timeout=SOON_MS)


def run_the_lines(page: Page, photos: Path, folder: Path) -> None:
    """What stands there works when it is copied and run, beside an image of that name."""
    here = folder / "elsewhere"
    here.mkdir()
    image = next(iter(sorted((photos.with_suffix("") / "lime").glob("*.png"))))
    (here / "cat.jpg").write_bytes(image.read_bytes())
    curl, python, command = page.locator("#lines code").all_inner_texts()
    assert command.startswith("finetune predict ")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for words in (curl.split(), [sys.executable, "-c", python], [sys.executable, "-m", *command.split()]):
        done = subprocess.run(
            words, cwd=here, env=environment, capture_output=True, text=True, timeout=240, check=True
        )
        assert "lime" in done.stdout, done.stderr


def write_onnx(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Write Full precision (fp32)").click()
    link = page.locator("#exports").get_by_role("link", name="Download (")
    expect(link).to_be_visible(timeout=LOOKED_AT_MS)
    expect(page.locator("#exports")).to_contain_text("0 other labels")
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "photos-freeze-all-1-fp32.onnx"
    download.value.save_as(folder / "model.onnx")
    assert (folder / "model.onnx").stat().st_size > 100_000


def copy_a_line(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy curl")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#lines code").first.inner_text()


def delete(page: Page, served: Served) -> None:
    """A first press tells what goes; a second one lets it go."""
    runs = [served.root / f"photos-freeze-all-{number}" for number in (1, 2)]
    page.get_by_role("button", name="Delete the run photos-freeze-all-1…").click()
    expect(page.locator("#sure")).to_contain_text("The folder photos-freeze-all-1 goes from the disk")
    page.locator("#sure").get_by_role("button", name="Keep it").click()
    expect(page.locator("#sure .sure")).to_have_count(0, timeout=SOON_MS)
    assert runs[0].is_dir()
    page.get_by_role("button", name="Delete the run photos-freeze-all-1…").click()
    page.get_by_role("button", name="Yes, delete the run photos-freeze-all-1").click()
    expect(page.locator("#download")).to_contain_text("photos-freeze-all-2", timeout=SOON_MS)
    assert [run.exists() for run in runs] == [False, True]
    page.get_by_role("button", name="Delete photos.zip and all its runs…").click()
    expect(page.locator("#sure")).to_contain_text("number of runs: 1")
    page.get_by_role("button", name="Yes, delete photos.zip").click()
    expect(page.get_by_role("tab", name="Data")).to_have_attribute("aria-selected", "true", timeout=SOON_MS)
    expect(page.locator("#data .bar")).to_have_count(0)
    assert not runs[1].exists()
    assert not list((served.root / ".page").glob("*/project.json"))
