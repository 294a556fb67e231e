"""A newcomer's first minute with the sample set of fruit, in both languages, by a desktop and by a phone."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from page_server import Browser, open_browser, serve_page
from PIL import Image
from playwright.sync_api import Page, expect
from test_page import (
    LOOKED_AT_MS,
    SOON_MS,
    TRAINED_MS,
    choose,
    go_to,
    is_as_wide_as_the_screen,
    open_tab,
    opened,
    options_of,
    train,
)

from finetune.advice.language import Language
from finetune.words import speaking
from ui.layout import TABS


@dataclass(frozen=True)
class Read:
    """What the newcomer reads on the page, as regular expressions."""

    nothing_yet: str
    closed: str
    advised: str
    square: str
    interval: str
    right: str


READ: dict[Language, Read] = {
    "en": Read(
        nothing_yet="as soon as your images have been looked at",
        closed="It opens when",
        advised="Advised: full-finetune",
        # Which near-duplicates the drawn set has, and so how many are left, hangs a little on the processor.
        square=r"Size by similarity: 33\d training images",
        interval="80 % interval",
        right=r"of 7\d test images right",
    ),
    "zh": Read(
        nothing_yet="看完您的图像后，这里会说明应冻结哪些层以及原因",
        closed="开放|即可使用",
        advised="建议：full-finetune",
        square=r"规模×相似度：33\d 张训练图像",
        interval="80% 区间",
        right=r"7\d 张测试图像中",
    ),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def test_the_whole_path_in_english_with_a_reload_in_the_middle(
    browser: Browser, here: Path, fruit: Path, tmp_path: Path
) -> None:
    with (
        serve_page(here, loads_itself=True) as served,
        browser.person(served, "newcomer") as (context, watch),
    ):
        page = opened(context.new_page(), served)
        read_the_advice(page, READ["en"])
        begin_to_train(page)
        page.reload()
        see_how_well(page, READ["en"])
        open_tab(page, "Test")
        drop(page, fruit / "pepper")
        paste(page, first_image(fruit / "pepper"))
        drop_what_is_no_image(page, tmp_path)
        open_tab(page, "Use")
        check_download(page, tmp_path)
        check_widths(page)
        watch.check()


def test_the_whole_path_in_chinese_with_a_new_server_in_the_middle(
    browser: Browser, here: Path, fruit: Path
) -> None:
    with (
        speaking("zh"),
        serve_page(here, loads_itself=True) as served,
        browser.person(served, "new one", width=375, locale="zh-CN") as (context, _),
    ):
        page = opened(context.new_page(), served)
        assert page.url == f"{served.url}/zh/"
        read_the_advice(page, READ["zh"])
        begin_to_train(page)
        served.process.kill()
        served.process.wait()
        with serve_page(here, "--port", served.url.rpartition(":")[2], loads_itself=True) as again:
            go_to(page, again.url)
            see_how_well(page, READ["zh"])
            open_tab(page, "Test")
            drop(page, fruit / "pepper")
            check_widths(page)


def read_the_advice(page: Page, read: Read) -> None:
    """See what every tab is for while it is empty; then press the sample set and read."""
    expect(page.locator("#advice")).to_contain_text(re.compile(read.nothing_yet))
    for name in TABS[1:]:
        open_tab(page, name)
        expect(page.locator("[role=tabpanel]:visible")).to_contain_text(re.compile(read.closed))
    open_tab(page, "Data")
    page.locator("#sample-fruit").click()
    expect(page.locator("#data .bar")).to_have_count(8, timeout=LOOKED_AT_MS)
    expect(page.locator("#data .thumbnails img")).to_have_count(24)
    expect(page.locator("#advice")).to_contain_text(re.compile(read.advised), timeout=LOOKED_AT_MS)
    expect(page.get_by_role("img", name=re.compile(read.square))).to_be_visible()


def begin_to_train(page: Page) -> None:
    page.locator("#go-to-train").click()
    expect(page.locator("#card-full-finetune .card.chosen")).to_be_visible()
    expect(page.locator("#card-freeze-all .layer.frozen")).to_have_count(8)
    expect(page.locator("#card-full-finetune .layer.frozen")).to_have_count(0)
    options_of(page)
    choose(page, "image-size", "64")
    train(page, "freeze-all")
    expect(page.locator("#training [role=progressbar]")).to_be_visible(timeout=SOON_MS)


def see_how_well(page: Page, read: Read) -> None:
    expect(page.locator("#go-to-results")).to_be_visible(timeout=TRAINED_MS)
    expect(page.locator("#card-full-finetune .facts")).to_contain_text(re.compile(read.interval))
    expect(page.locator("#training .chart").first).to_be_visible()
    page.locator("#go-to-results").click()
    expect(page.locator("#results .result")).to_contain_text(re.compile(read.right))
    expect(page.locator("#matrix table.matrix")).to_be_visible()


def first_image(folder: Path) -> Path:
    return min(folder.glob("*.jpg"))


def drop(page: Page, folder: Path) -> None:
    """Drop an image of the test set; read the label, then the heat-map."""
    page.locator("#image input[type=file]").set_input_files(first_image(folder))
    expect(page.locator("#answer")).to_contain_text("%", timeout=LOOKED_AT_MS)
    shares = [int(text) for text in re.findall(r"(\d+) ?%", page.locator("#answer .answers").inner_text())]
    assert len(shares) == 5
    assert shares == sorted(shares, reverse=True)
    page.locator("#ask-why").click()
    expect(page.locator("#why .heat")).to_be_visible(timeout=LOOKED_AT_MS)


def paste(page: Page, image: Path) -> None:
    """Put the image on the clipboard as a PNG, as a screenshot would be, and paste it."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    before = page.locator("#answer").inner_text()
    page.locator("#image").get_by_role("button", name="Remove Image").click()
    expect(page.locator("#answer")).not_to_contain_text("%", timeout=SOON_MS)
    stream = io.BytesIO()
    Image.open(image).save(stream, "PNG")
    page.evaluate(
        """async text => {
            const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
            const item = new ClipboardItem({"image/png": new Blob([bytes], {type: "image/png"})});
            await navigator.clipboard.write([item]);
        }""",
        base64.b64encode(stream.getvalue()).decode(),
    )
    page.locator("#image").get_by_role("button", name="Paste from clipboard").click()
    expect(page.locator("#answer")).to_have_text(before, use_inner_text=True, timeout=SOON_MS)


def check_download(page: Page, folder: Path) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the classifier").click()
    assert download.value.suggested_filename == "fruit-freeze-all-1-bundle.zip"
    download.value.save_as(folder / "bundle.zip")
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        assert names >= {"model.safetensors", "config.json", "classes.json", "preprocess.json", "files.json"}
        (classes,) = [name for name in archive.namelist() if name.endswith("classes.json")]
        assert json.loads(archive.read(classes))[0] == "apple"


def drop_what_is_no_image(page: Page, folder: Path) -> None:
    broken = folder / "page.jpg"
    broken.write_text("<html>", encoding="utf-8")
    page.locator("#image").get_by_role("button", name="Remove Image").click()
    page.locator("#image").get_by_role("button", name="Upload file").click()
    page.locator("#image input[type=file]").set_input_files(broken)
    expect(page.locator("#trouble")).to_contain_text(
        "page.jpg is not an image but a text such as a web page", timeout=SOON_MS
    )


def check_widths(page: Page) -> None:
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 812})
        page.locator("body").press("Escape")
        for name in TABS:
            open_tab(page, name)
            assert is_as_wide_as_the_screen(page), f"{name} scrolls sideways at {width} px"
