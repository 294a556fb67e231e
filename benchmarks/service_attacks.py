"""Attack a running server by every line of the threat list and write down what it answered.

``python benchmarks/service_attacks.py`` starts `finetune serve` on this computer with the tokens of two people and
secrets in its environment, and tries what other web sites, guessers, the other person, hostile archives, images and
pickles, addresses, slow and greedy clients would; then what means something on `finetune ui` by itself, with a login
and without. Rows go to ``results/service_attacks.jsonl``, which is written anew; ``--docs`` renews the table in
``docs/security.md``. The exit code is 1 where a control did not hold.
Some minutes; Linux alone, for it looks into /proc.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, append_row, markdown_table, read_rows, replace_between

sys.path[:0] = [str(ROOT / "tests")]

ROWS = RESULTS / "service_attacks.jsonl"
DOCUMENT = ROOT / "docs" / "security.md"


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown, those that differ in what was sent alone in one."""
    lines = [
        (row["line"], row["attack"], _code(row["sent"]), row["answered"], "yes" if row["held"] else "**no**")
        for row in rows
    ]
    held = sum(row["held"] for row in rows)
    header = ("threat", "attack", "sent", "answered", "held")
    count = f"{held} of {len(rows)} tries, honest ones among them, ended as they must ({rows[0]['date']})."
    return f"{count}\n\n{markdown_table(header, lines)}"


def _code(text: str) -> str:
    return f"`{text.replace('|', '')}`" if text else ""


def main() -> None:
    from attacks import archives, files, inside, load, login, page, web
    from attacks.stage import opened

    parts = {
        "web": web,
        "archives": archives,
        "files": files,
        "load": load,
        "inside": inside,
        "page": page,
        "login": login,
    }
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--docs", action="store_true", help="renew the table in docs/security.md")
    parser.add_argument(
        "--only", choices=parts, action="append", help="some of the parts, without writing rows"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "here") as stage:
        for name in options.only or parts:
            parts[name].all_of(stage)  # type: ignore[attr-defined]
        rows = [{**row, "date": time.strftime("%Y-%m-%d")} for row in stage.rows]
    if not options.only:
        ROWS.unlink(missing_ok=True)
        for row in rows:
            append_row(ROWS, row)
    failed = [row for row in rows if not row["held"]]
    print(f"{len(rows) - len(failed)} of {len(rows)} held")
    for row in failed:
        print("FAILED", row)
    if options.docs and not options.only:
        replace_between(DOCUMENT, "attacks", table(read_rows(ROWS)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
