"""Walk through the page on the fruit sample set and take the pictures that the README shows."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from common import ROOT
from page import CHROMIUM, CHROMIUM_OPTIONS, running_page
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from finetune.data.samples import write_sample

PATIENCE_MS = 300_000
WIDTHS = {"desktop": (1180, 900), "phone": (375, 812)}
OPTIONS = re.compile("^Options")
IMAGE_SIZE = "160"


def walk(page: Page, address: str, image: Path) -> None:
    page.goto(address)
    page.locator("#sample-fruit").click()
    expect(page.locator("#choose-partial")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name=OPTIONS).click()
    page.locator("#image-size input").click()
    page.get_by_role("option", name=IMAGE_SIZE, exact=True).click()
    page.get_by_role("button", name=OPTIONS).click()
    for strategy in ("freeze-all", "partial"):
        page.locator(f"#choose-{strategy}").click()
        expect(page.locator("#train")).to_have_text(f"Train with {strategy}")
        page.locator("#train").click()
        expect(page.locator("#training")).to_contain_text(f"{strategy} in", timeout=PATIENCE_MS)
        expect(page.locator("#training .result")).to_be_visible(timeout=PATIENCE_MS)
    page.locator("#image input[type=file]").set_input_files(image)
    expect(page.locator("#answer")).to_contain_text("%", timeout=PATIENCE_MS)


def shoot(page: Page, name: str, top: str, bottom: str) -> None:
    """Save what lies between two parts of the page, both included."""
    first, last = page.locator(top).bounding_box(), page.locator(bottom).bounding_box()
    assert first is not None
    assert last is not None
    width = page.viewport_size["width"] if page.viewport_size else 0
    height = last["y"] + last["height"] - first["y"]
    clip = {"x": 0, "y": first["y"] - 4, "width": width, "height": height + 16}
    page.screenshot(path=ROOT / "docs" / f"{name}.png", full_page=True, clip=clip)  # type: ignore[arg-type]


def take(playwright: Playwright, folder: Path, address: str, image: Path) -> None:
    context = playwright.chromium.launch_persistent_context(
        str(folder / "profile"), executable_path=CHROMIUM, headless=True, args=CHROMIUM_OPTIONS
    )
    page = context.new_page()
    page.set_viewport_size({"width": WIDTHS["desktop"][0], "height": WIDTHS["desktop"][1]})
    walk(page, address, image)
    page.mouse.move(0, 0)
    page.wait_for_timeout(1_500)
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "page-advice", "#advice", "#train")
    shoot(page, "page-result", "#training", "#download")
    page.set_viewport_size({"width": WIDTHS["phone"][0], "height": WIDTHS["phone"][1]})
    page.wait_for_timeout(1_500)
    shoot(page, "page-phone", "#advice", "#choose-partial")
    context.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        images = write_sample("fruit", Path(folder) / "fruit")
        with running_page(Path(folder)) as address:
            take(playwright, Path(folder), address, sorted(images.glob("pepper/*"))[3])
    print("wrote docs/page-advice.png, docs/page-result.png, docs/page-phone.png")


if __name__ == "__main__":
    main()
