"""A person on the tab Train: options and the plan, pause, resume, cancel, the log; backbones; both languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import Served, colour_zip, open_browser, serve_page
from playwright.sync_api import Page, expect

SOON_MS = 30_000
LOOKED_AT_MS = 240_000
TRAINED_MS = 240_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_page(tmp_path_factory.mktemp("page") / "here") as served:
        yield served


@pytest.fixture(scope="module")
def page(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page of one person whose images have been looked at, and who has pressed nothing yet."""
    photos = colour_zip(tmp_path_factory.mktemp("photos") / "photos.zip")
    with (
        open_browser(tmp_path_factory.mktemp("browser")) as browser,
        browser.person(served, "trainer") as (context, watch),
    ):
        page = context.new_page()
        page.goto(served.url)
        page.get_by_role("button", name="Which network").click()
        page.locator("#backbone input").click()
        page.get_by_role("option", name="test_resnet", exact=True).click()
        page.locator("#upload input[type=file]").set_input_files(photos)
        expect(page.locator("#go-to-train")).to_be_visible(timeout=LOOKED_AT_MS)
        yield page
        watch.check()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def test_options_change_the_plan_at_once_and_outlive_a_reload(page: Page) -> None:
    open_tab(page, "Train")
    page.locator("#choose-partial").click()
    expect(page.locator("#plan")).to_contain_text("at 160 px) at most", timeout=SOON_MS)
    expect(page.get_by_role("radio", name=re.compile("Recommended, about"))).to_be_checked()
    page.get_by_role("radio", name=re.compile("Fast, about")).check()
    expect(page.locator("#plan")).to_contain_text("at 96 px) at most", timeout=SOON_MS)
    page.get_by_role("button", name="All options").click()
    page.get_by_role("button", name="Steps and rate").click()
    fast = page.locator("label").filter(has_text=re.compile(r"^\s*Fast, about")).inner_text()
    page.get_by_label("Epochs").first.fill("3000")
    expect(page.locator("#plan")).to_contain_text("3000 epochs (passes over", timeout=SOON_MS)
    expect(page.locator("#plan")).to_contain_text("Changed: Epochs = 3000.")
    expect(page.locator("label").filter(has_text=re.compile(r"^\s*Fast, about"))).not_to_have_text(fast)
    expect(page.locator("#plan svg[role=img]")).to_be_visible()
    page.get_by_label("Gradient clipping, norm").fill("-1")
    expect(page.locator("#plan")).to_contain_text("--clip-norm is '-1'", timeout=SOON_MS)
    page.get_by_label("Gradient clipping, norm").fill("")
    expect(page.locator("#plan")).to_contain_text("3000 epochs (passes over", timeout=SOON_MS)
    page.reload()
    expect(page.locator("#train")).to_have_text("Train with partial", timeout=SOON_MS)
    expect(page.get_by_role("radio", name=re.compile("Fast, about"))).to_be_checked(timeout=SOON_MS)
    expect(page.locator("#plan")).to_contain_text("Changed: Epochs = 3000.", timeout=SOON_MS)


def test_a_training_is_paused_gone_on_with_and_cancelled(page: Page, served: Served) -> None:
    open_tab(page, "Train")
    page.locator("#train").click()
    expect(page.locator("#training .chart")).to_have_count(3, timeout=TRAINED_MS)
    page.get_by_role("button", name="Log").click()
    expect(page.get_by_role("region", name="Last lines of the log")).to_contain_text("training: 3000 epochs")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the whole log").click()
    assert str(served.root) not in Path(download.value.path()).read_text(encoding="utf-8")
    page.locator("#pause").click()
    expect(page.locator("#training")).to_contain_text(
        re.compile(r"Paused after epoch \d+ of 3000\."), timeout=SOON_MS
    )
    assert (served.root / "photos-partial-1").is_dir()
    page.locator("#resume").click()
    expect(page.locator("#pause")).to_be_visible(timeout=SOON_MS)
    expect(page.locator("#training")).to_contain_text(
        "Going on after epoch", timeout=TRAINED_MS, ignore_case=True
    )
    page.locator("#cancel").click()
    expect(page.locator("#training")).to_contain_text(
        "Cancelled: what this training had is deleted.", timeout=SOON_MS
    )
    expect(page.locator("#resume")).to_be_hidden()
    expect(page.locator("#log")).to_be_hidden()
    assert not (served.root / "photos-partial-1").exists()


def test_the_tab_speaks_chinese_and_fits_a_phone(page: Page, served: Served) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    page.goto(f"{served.url}/zh/")
    expect(page.locator("#train")).to_have_text("用 partial 训练", timeout=SOON_MS)
    expect(page.get_by_role("radio", name=re.compile("快速，约"))).to_be_checked(timeout=SOON_MS)
    expect(page.locator("#plan")).to_contain_text("已更改：轮数 = 3000。", timeout=SOON_MS)
    expect(page.locator("#training")).to_contain_text("已取消")
    page.get_by_role("button", name="全部选项").click()
    page.get_by_role("button", name="恢复所有选项").click()
    expect(page.locator("#plan")).not_to_contain_text("已更改", timeout=SOON_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    open_tab(page, "数据")
    expect(page.locator("#advice")).to_contain_text("什么会改变这个建议")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="English").click()
    expect(page.locator("#advice")).to_contain_text("What would change this", timeout=SOON_MS)


def test_backbones_are_compared_and_another_is_taken(page: Page) -> None:
    open_tab(page, "Data")
    page.locator("#compare-backbones").click()
    table = page.locator(".ranked-backbones")
    expect(table).to_contain_text("test_resnet", timeout=TRAINED_MS)
    expect(table.get_by_role("row").filter(has_text="test_resnet")).to_contain_text("in use")
    page.get_by_role("button", name="Take tf_efficientnet_lite0").click()
    expect(page.locator("#backbones-why")).to_contain_text(
        "Measured with tf_efficientnet_lite0", timeout=LOOKED_AT_MS
    )
