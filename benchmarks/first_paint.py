"""Seconds from the command ``finetune ui`` to a page that can be used, in a browser that is open already.

Appends a row to ``results/first_paint.jsonl`` and prints the medians; ``--readme`` writes them into the README.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from common import RESULTS, append_row, machine, replace_in_readme
from page import CHROMIUM, CHROMIUM_OPTIONS, running_page
from playwright.sync_api import Page, sync_playwright

ROWS = RESULTS / "first_paint.jsonl"
TIMES = 5


def measure(page: Page, folder: Path) -> dict[str, float]:
    started = time.perf_counter()
    with running_page(folder) as address:
        answers = time.perf_counter()
        page.goto(address)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
        page.locator("#sample-fruit").wait_for()
        usable = time.perf_counter()
        page.goto("about:blank")
    return {
        "answers_s": round(answers - started, 2),
        "first_paint_s": round(answers - started + painted, 2),
        "usable_s": round(usable - started, 2),
    }


def main() -> None:
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        context = playwright.chromium.launch_persistent_context(
            f"{folder}/profile", executable_path=CHROMIUM, headless=True, args=CHROMIUM_OPTIONS
        )
        page = context.new_page()
        rows = [measure(page, Path(folder)) for _ in range(TIMES)]
        context.close()
    for row in rows:
        append_row(ROWS, {**row, "machine": machine()})
    middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    print(", ".join(f"{name} {value:.2f}" for name, value in middle.items()), f"(median of {TIMES})")
    if "--readme" in sys.argv:
        text = (
            f"From the command to the first paint {middle['first_paint_s']:.1f} s, to a page that can be used "
            f"{middle['usable_s']:.1f} s (medians of {TIMES}, 2 cores)."
        )
        replace_in_readme("first-paint", text)


if __name__ == "__main__":
    main()
