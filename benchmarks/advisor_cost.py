"""What an advice costs, and whether what it forecasts is right.

    python benchmarks/advisor_cost.py [--docs] [--part advice|trainings] [--try-out]

``advice``: the time of `finetune advise` on 245, 2,000 and 50,000 images, the first time and again
(``results/advisor-time.jsonl``). ``trainings``: each strategy is forecast, then trained
(``results/advisor-cost.jsonl``); ``seconds`` are those of the report's phases after the preparation, which the
forecast leaves out, and memory is the most that the process held. Run it on a quiet machine. A row that is there is
not measured again; ``--docs`` writes the tables into docs/advisor.md; ``--try-out`` shows on a few images whether it
runs, and keeps no row.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from advisor import advice_time
from advisor.advice_time import TIMED, TRIED_OUT, run
from common import RESULTS, ROOT, append_row, data_set, machine, markdown_table, read_rows, replace_between

from finetune.advice.contenders import CONTENDERS
from finetune.data.samples import SAMPLES, write_sample

ROWS = RESULTS / "advisor-cost.jsonl"
TIMES = RESULTS / "advisor-time.jsonl"
GRID_BACKBONE = "tf_efficientnet_lite0"
SETS = (
    ("hymenoptera.zip", 64, GRID_BACKBONE),
    ("fruit", 96, GRID_BACKBONE),
    ("sign-digits.zip", 64, GRID_BACKBONE),
    ("hymenoptera.zip", 224, GRID_BACKBONE),
    ("fruit", 64, "tf_efficientnet_lite1"),
)
"""The set, the side in px and the network; the forecasts were made of trainings of the first network at 64 px."""


def network(backbone: str) -> tuple[str, ...]:
    return ("--backbone", backbone, "--weights", "packaged", "--offline")


def measure(name: str, side: int, backbone: str, scratch: Path) -> None:
    """Forecast all contenders on one set, then train each, and append a row a contender."""
    data = write_sample(name, scratch / name) if name in SAMPLES else data_set(name)
    common = [str(data), "--image-size", str(side), "--json", "--quiet"]
    pretrained = network(backbone)
    advice = run(["advise", *common, *pretrained], scratch / "cache").answer
    for contender, row in advice["forecast"].items():
        if any(key_of(done) == (name, side, backbone, contender) for done in read_rows(ROWS)):
            continue
        is_scratch = CONTENDERS[contender].strategy == "from-scratch"
        weights = (*pretrained[:2], "--offline") if is_scratch else pretrained
        out = scratch / f"{name}-{side}-{contender}"
        words = ["fit", *common, *weights, *CONTENDERS[contender].flags, "--out", str(out)]
        ran = run(words, scratch / "cache")
        report, peak = ran.answer, ran.peak_bytes
        phases = report["seconds_by_phase"]
        found = {"set": name, "side": side, "backbone": backbone, "contender": contender}
        found |= {"advised": contender == advice["decision"]["contender"], "forecast_s": row["seconds"]}
        found |= {"seconds": round(sum(phases.values()) - phases["prepare"], 2)}
        found |= {"forecast_bytes": row["peak_bytes"], "peak_bytes": peak, "accuracy": report["accuracy"]}
        found |= {"forecast_interval": row["interval"], "forecast_accuracy": row["accuracy"]}
        append_row(ROWS, found | {"machine": machine()})
        print(
            f"{name} {side} px {contender}: {row['seconds']:.0f} s forecast, {found['seconds']:.0f} s",
            flush=True,
        )


def key_of(row: dict[str, Any]) -> tuple[str, int, str, str]:
    return row["set"], row["side"], row["backbone"], row["contender"]


def titled(row: dict[str, Any]) -> str:
    other = "" if row["backbone"] == GRID_BACKBONE else f", {row['backbone']}"
    return f"{row['set'].partition('.')[0]}, {row['side']} px{other}"


def expected(row: dict[str, Any]) -> str:
    low, high = row["forecast_interval"]
    return f"{100 * row['forecast_accuracy']:.1f} ({100 * low:.1f} – {100 * high:.1f})"


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            titled(row),
            CONTENDERS[row["contender"]].title + (" (advised)" if row["advised"] else ""),
            expected(row),
            f"{100 * row['accuracy']:.1f}",
            f"{row['forecast_s']:.0f} s",
            f"{row['seconds']:.0f} s",
            f"{row['forecast_bytes'] / 1e9:.2f} GB",
            f"{row['peak_bytes'] / 1e9:.2f} GB",
        ]
        for row in rows
    ]
    seconds, memory = (
        100 * np.median([abs(row[forecast] / row[found] - 1) for row in rows])
        for forecast, found in (("forecast_s", "seconds"), ("forecast_bytes", "peak_bytes"))
    )
    held = sum(low <= row["accuracy"] <= high for row in rows for low, high in [row["forecast_interval"]])
    header = ("images", "strategy", "accuracy expected (80 %)", "reached", "time expected", "took")
    header += ("memory expected", "held at most")
    told = f"Off in the median: seconds {seconds:.0f} %, memory {memory:.0f} %; {held} of {len(rows)} intervals held."
    return f"{markdown_table(header, lines)}\n\n{told}"


def time_advice(tried_out: bool) -> list[dict[str, Any]]:
    """Time what has no row yet and return all rows; to try out, a few images, of which nothing is kept."""
    rows = [] if tried_out else read_rows(TIMES)
    for timed in TRIED_OUT if tried_out else TIMED:
        if any(row["set"] == timed.name for row in rows):
            continue
        with tempfile.TemporaryDirectory(prefix="finetune-advice-") as folder:
            row = advice_time.measure(timed, network(GRID_BACKBONE), Path(folder))
        rows.append(row)
        if not tried_out:
            append_row(TIMES, row)
        print(f"{timed.name}: {row['first_s']:.1f} s, then {row['second_s']:.1f} s", flush=True)
    return rows


def train_all() -> list[dict[str, Any]]:
    """Train what has no row yet and return all rows."""
    with tempfile.TemporaryDirectory(prefix="finetune-cost-") as folder:
        for name, side, backbone in SETS:
            scratch = Path(folder) / f"{name}-{side}-{backbone}"
            scratch.mkdir()
            if sum(key_of(row)[:3] == (name, side, backbone) for row in read_rows(ROWS)) < len(CONTENDERS):
                measure(name, side, backbone, scratch)
    return read_rows(ROWS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/advisor.md")
    parser.add_argument("--part", choices=("advice", "trainings"), help="measure this alone; both are shown")
    parser.add_argument(
        "--try-out", action="store_true", help="time an advice on a few images; no row is kept"
    )
    options = parser.parse_args()
    if options.try_out:
        print(advice_time.table(time_advice(tried_out=True)))
        return
    times = read_rows(TIMES) if options.part == "trainings" else time_advice(tried_out=False)
    trained = read_rows(ROWS) if options.part == "advice" else train_all()
    text = "\n\n".join(
        [*([advice_time.table(times)] if times else []), *([table(trained)] if trained else [])]
    )
    print(text)
    if options.docs:
        replace_between(ROOT / "docs" / "advisor.md", "cost", text)


if __name__ == "__main__":
    main()
