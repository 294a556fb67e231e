"""Presses of buttons in HTML reach the server, each one, by mouse and keyboard, in a small page of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from page_server import CHROMIUM_OPTIONS, REPOSITORY, chromium
from playwright.sync_api import expect, sync_playwright

from ui.app import listening, run_app
from ui.clicks import clicks_head, on_press, pressed_text
from ui.web.buttons import button_html
from ui.web.words import join


def counted(so_far: str, value: str) -> tuple[str, str]:
    said = f"{so_far} {value}".strip()
    buttons = [button_html("fruit", name, f"{name} {said.count(name)}") for name in ("a:b", "c", "gone")]
    return said, str(join(*(buttons if value != "gone" else buttons[:2])))


def serve() -> None:
    """Serve the small page until a signal comes; its address is the first line that is printed."""
    with gr.Blocks() as blocks:
        pressed = pressed_text("fruit")
        heard = gr.Textbox("", label="Heard")
        buttons = gr.HTML(counted("", "")[1])
        on_press(pressed, counted, [heard], [heard, buttons])
    app = gr.mount_gradio_app(FastAPI(), blocks, path="/", head=clicks_head(), ssr_mode=False)
    with listening(None) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        run_app(app, listener)


@contextmanager
def answering() -> Iterator[str]:
    """Serve the small page in a process of its own."""
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    process = subprocess.Popen(
        [sys.executable, __file__], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    with process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def test_each_press_is_heard_and_the_keyboard_keeps_its_place(tmp_path: Path) -> None:
    chromium_path = chromium()
    with answering() as url, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path), executable_path=chromium_path, headless=True, args=list(CHROMIUM_OPTIONS)
        )
        page = context.new_page()
        page.goto(url)
        heard_now = page.get_by_label("Heard")
        for times in (1, 2):  # the same button twice is two presses
            page.get_by_role("button", name="a:b").click()
            expect(heard_now).to_have_value(" ".join(["a:b"] * times))
        page.get_by_role("button", name="c 0").press("Enter")
        expect(heard_now).to_have_value("a:b a:b c")
        expect(page.get_by_role("button", name="c 1")).to_be_focused()
        page.get_by_role("button", name="gone").press("Enter")
        expect(page.get_by_role("button", name="gone")).to_have_count(0)
        expect(page.locator(":focus")).to_have_text("c 1")
        context.close()


if __name__ == "__main__":
    serve()
