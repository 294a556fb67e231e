"""What Gradio's own components say, in both languages: words, and never the keys that it looks them up by."""

from pathlib import Path

from api_server import picture
from page_server import open_browser, serve_page
from playwright.sync_api import Page, expect

SOON_MS = 30_000
KEYS = """() => [...document.querySelectorAll("*")].flatMap(each => [
  ...["aria-label", "title", "alt", "placeholder"].map(name => each.getAttribute(name) ?? ""),
  ...[...each.childNodes].filter(node => node.nodeType === Node.TEXT_NODE && !each.closest("script, style"))
    .map(node => node.textContent),
]).filter(text => /\\b(common|upload_text|file|image)\\.[a-z_]+|\\[object/.test(text))"""
"""Texts and names that are a key, or no text at all."""
UPLOADING = {
    "/language/en": ("Make a data set here", "Upload", "Clear"),
    "/zh/": ("在这里制作数据集", "上传", "清除"),
}


def test_no_key_of_gradio_s_is_shown_in_the_place_of_a_word(tmp_path: Path) -> None:
    images = [tmp_path / name for name in ("one.png", "two.png")]
    for number, path in enumerate(images):
        path.write_bytes(picture("plum", number))
    with (
        serve_page(tmp_path / "here") as served,
        open_browser(tmp_path / "browser") as browser,
        browser.person(served, "reader") as (context, watch),
    ):
        page = context.new_page()
        for below, (fold, *words) in UPLOADING.items():
            page.goto(f"{served.url}{below}")
            expect(page.locator("#sample-fruit")).to_be_visible(timeout=SOON_MS)
            assert keys_shown(page) == []
            page.get_by_role("button", name=fold).click()
            page.locator("#own-files input[type=file]").set_input_files(images)
            for word in words:
                button = page.locator("#own-files").get_by_role("button", name=word, exact=True)
                expect(button).to_be_visible(timeout=SOON_MS)
            assert keys_shown(page) == []
        watch.check()


def keys_shown(page: Page) -> list[str]:
    found: list[str] = page.evaluate(KEYS)
    return found
