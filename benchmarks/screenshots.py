"""Walk through the page on the fruit sample set and take a picture of every tab, in both languages and at two widths.

    python benchmarks/screenshots.py [--to DIR]

They go to ``docs/page``, and are what the README and docs/page.md show. Chinese needs a font, such as Debian's
fonts-wqy-microhei.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from common import ROOT
from page import CHROMIUM, CHROMIUM_OPTIONS, running_page
from PIL import Image
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from finetune.advice.language import Language
from finetune.data.samples import write_sample
from ui.languages import PLACES
from ui.layout import TABS

PATIENCE_MS = 300_000
WIDTHS = {"desktop": 1180, "phone": 375}
LOCALES: dict[Language, str] = {"en": "en-US", "zh": "zh-CN"}
OPTIONS = re.compile("^Options")
IMAGE_SIZE = "160"


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab").nth(TABS.index(name)).click()


def walk(page: Page, address: str) -> None:
    page.goto(address)
    page.locator("#sample-fruit").click()
    expect(page.locator("#go-to-train")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("#go-to-train").click()
    page.get_by_role("button", name=OPTIONS).click()
    page.locator("#image-size input").click()
    page.get_by_role("option", name=IMAGE_SIZE, exact=True).click()
    page.get_by_role("button", name=OPTIONS).click()
    for strategy in ("freeze-all", "partial"):
        page.locator(f"#choose-{strategy}").click()
        expect(page.locator("#train")).to_have_text(f"Train with {strategy}")
        page.locator("#train").click()
        expect(page.locator("#training")).to_contain_text(f"{strategy} in", timeout=PATIENCE_MS)
        expect(page.locator("#training .headline")).to_be_visible(timeout=PATIENCE_MS)


def try_on(page: Page, image: Path) -> None:
    open_tab(page, "Test")
    page.locator("#image input[type=file]").set_input_files(image)
    expect(page.locator("#answer")).to_contain_text("%", timeout=PATIENCE_MS)
    page.locator("#ask-why").click()
    expect(page.locator("#why .heat")).to_be_visible(timeout=PATIENCE_MS)


@contextlib.contextmanager
def browser(playwright: Playwright, folder: Path, language: Language) -> Iterator[Page]:
    """A page of somebody who reads ``language`` and has been here before."""
    context = playwright.chromium.launch_persistent_context(
        str(folder / "profile"),
        executable_path=CHROMIUM,
        headless=True,
        args=CHROMIUM_OPTIONS,
        locale=LOCALES[language],
    )
    page = context.new_page()
    page.set_viewport_size({"width": WIDTHS["desktop"], "height": 900})
    yield page
    context.close()


def take(playwright: Playwright, folder: Path, address: str, image: Path, target: Path) -> None:
    """Walk, and save a picture of each tab at each width below ``target``."""
    with browser(playwright, folder, "en") as page:
        walk(page, address)
    target.mkdir(parents=True, exist_ok=True)
    for language, place in PLACES.items():
        with browser(playwright, folder, language) as page:
            page.goto(f"{address}{place}")
            try_on(page, image)
            for (width, px), tab in itertools.product(WIDTHS.items(), TABS):
                page.set_viewport_size({"width": px, "height": 812})
                open_tab(page, tab)
                page.mouse.move(0, 0)
                show_all_images(page)
                save(page.screenshot(full_page=True), target / f"{tab.lower()}-{width}-{language}.png")


def show_all_images(page: Page) -> None:
    """Load also those that would load when they are scrolled to."""
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach(each => each.loading = 'eager')")
    page.wait_for_function("[...document.images].every(each => each.complete)")
    page.wait_for_timeout(1_500)


def save(picture: bytes, path: Path) -> None:
    """Write a picture of few colours as a small file."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "page", help="the folder of the pictures")
    target = parser.parse_args().to
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        images = write_sample("fruit", Path(folder) / "fruit")
        with running_page(Path(folder)) as address:
            take(playwright, Path(folder), address, sorted(images.glob("pepper/*"))[3], target)
    print(f"wrote {len(TABS) * len(WIDTHS) * len(PLACES)} pictures to {target}")


if __name__ == "__main__":
    main()
