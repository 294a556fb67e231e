"""A newcomer's first minute on each sample set, by a real server and a real browser, in seconds from each press.

Presses "Use sample set" and waits for the advice, presses Train, with the preset Fast, and waits for the first point
of the curve and for the end, then presses a held-out image and waits for its label and, after "Why?", for the
heat-map. Nothing is in the cache at first. Appends rows to ``results/first-minute.jsonl`` and prints them.

``--reading S`` is how long the newcomer looks at the page before each press (10 s); sample sets are drawn and looked
at in the background meanwhile. ``--advice`` stops at the advice. ``--docs`` renews the table in docs/page.md from the
newest rows and measures nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, append_row, machine, markdown_table, read_rows, replace_between
from page import CHROMIUM, CHROMIUM_OPTIONS, running_page
from playwright.sync_api import Page, expect, sync_playwright

ROWS = RESULTS / "first-minute.jsonl"
SAMPLES = ("fruit", "digits")
PATIENCE_MS = 600_000
COLUMNS = (
    ("classes", "bars_s"),
    ("advice", "advice_s"),
    ("first point of the curve", "first_point_s"),
    ("trained", "trained_s"),
    ("label", "label_s"),
    ("heat-map", "heat_map_s"),
)
READING_S = 10.0
"""So long a newcomer looks at the page before the first press, and reads the advice before the second."""


def seconds_until(page: Page, shown: str, began: float) -> float:
    expect(page.locator(shown).first).to_be_visible(timeout=PATIENCE_MS)
    return round(time.perf_counter() - began, 1)


def pressed(page: Page, button: str) -> float:
    page.locator(button).first.click()
    return time.perf_counter()


def first_minute(page: Page, address: str, sample: str, reading_s: float) -> dict[str, Any]:
    page.goto(address)
    page.locator(f"#sample-{sample}").wait_for()
    page.wait_for_timeout(1000 * reading_s)
    began = pressed(page, f"#sample-{sample}")
    row: dict[str, Any] = {"sample": sample, "reading_s": reading_s}
    row["bars_s"] = seconds_until(page, "#data .bar", began)
    row["advice_s"] = seconds_until(page, "#go-to-train", began)
    print(row, flush=True)
    if "--advice" in sys.argv:
        return row
    page.wait_for_timeout(1000 * reading_s)
    page.locator("#go-to-train").click()
    page.get_by_role("radio", name=re.compile("Fast")).check()
    page.wait_for_timeout(1000)
    began = pressed(page, "#train")
    row["first_point_s"] = seconds_until(page, "#training .chart, #go-to-results", began)
    row["trained_s"] = seconds_until(page, "#go-to-results", began)
    page.get_by_role("tab", name="Test", exact=True).click()
    began = pressed(page, "#held-out button")
    row["label_s"] = seconds_until(page, "#answer .answers", began)
    began = pressed(page, "#ask-why")
    row["heat_map_s"] = seconds_until(page, "#why .stacked", began)
    return row


@contextlib.contextmanager
def own_cache(folder: Path) -> Iterator[None]:
    before = os.environ.get("FINETUNE_CACHE")
    os.environ["FINETUNE_CACHE"] = str(folder)
    yield
    if before is None:
        del os.environ["FINETUNE_CACHE"]
    else:
        os.environ["FINETUNE_CACHE"] = before


def write_docs() -> None:
    newest = {(row["sample"], row["reading_s"]): row for row in read_rows(ROWS)}
    table = markdown_table(
        ("sample set", "page open for", *(title for title, _ in COLUMNS)),
        [
            [sample, f"{reading_s:.0f} s", *(_seconds(row.get(name)) for _, name in COLUMNS)]
            for (sample, reading_s), row in sorted(newest.items())
        ],
    )
    replace_between(ROOT / "docs" / "page.md", "first-minute", table)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def main() -> None:
    if "--docs" in sys.argv:
        write_docs()
        return
    reading_s = float(sys.argv[sys.argv.index("--reading") + 1]) if "--reading" in sys.argv else READING_S
    for sample in SAMPLES:
        with (
            tempfile.TemporaryDirectory() as folder,
            sync_playwright() as playwright,
            own_cache(Path(folder) / "cache"),
            running_page(Path(folder)) as address,
        ):
            context = playwright.chromium.launch_persistent_context(
                f"{folder}/profile", executable_path=CHROMIUM, headless=True, args=CHROMIUM_OPTIONS
            )
            row = first_minute(context.new_page(), address, sample, reading_s)
            append_row(ROWS, {**row, "machine": machine()})
            print(row, flush=True)
            context.close()


if __name__ == "__main__":
    main()
