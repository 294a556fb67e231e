"""The same backbone, weights and images trained by us and by others: seconds to as good a result, and an epoch's.

Every contestant runs alone in a process of its own, timed after its imports, the peers in environments of their
own (up to 6 GB each, one at a time, removed afterwards unless ``--keep``). A row a run goes to
``results/speed.jsonl``; a second call does only what is missing. A peer that does not install or run is a row
with its error; ``--retry`` tries those again. ``--readme`` writes the tables into the README.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, append_row, machine, read_rows, replace_in_readme, same_kind
from speed import card
from speed.contests import CONTESTS, OURS, PEERS, Contest
from speed.environments import InstallError, environment, versions_in
from speed.material import frozen_parameters
from speed.runs import Setting, run
from speed.tables import Row, tables

ROWS = RESULTS / "speed.jsonl"
TRIED = RESULTS / "speed-try.tmp"


def main() -> None:
    options = parse()
    if options.if_gpu and card.card() is None:
        print("no CUDA card here; leave out --if-gpu to measure on the processor")
        return
    where = machine() | {"card": card.card()}
    rows_file = TRIED if options.try_out else ROWS
    setting = Setting(options.envs / "cache", options.minutes, *((4, 1) if options.try_out else ()))
    for peer in options.peers:
        wanted = missing(peer, options, rows_of(where, rows_file))
        for row in measure(peer, wanted, setting, options) if wanted else ():
            append_row(rows_file, row | {"machine": where})
            tell(row)
    print(tables(rows_of(where, rows_file)))
    if options.if_gpu:
        print(shares(rows_of(where, rows_file)))
    if options.readme:
        replace_in_readme("speed", tables(rows_of(where, ROWS)))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [contest.name for contest in CONTESTS]
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="who runs")
    parser.add_argument("--contests", nargs="+", choices=names, default=names, help="at what")
    parser.add_argument(
        "--envs", type=Path, default=ROOT / ".speed-envs", metavar="DIR", help="environments and data"
    )
    parser.add_argument("--keep", action="store_true", help="leave the environments there")
    parser.add_argument(
        "--repeats", type=int, default=1, metavar="N", help="runs of each (the median counts)"
    )
    parser.add_argument("--retry", action="store_true", help="run again what failed before")
    parser.add_argument("--minutes", type=float, default=60, help="the longest that one run may take")
    parser.add_argument(
        "--try-out", action="store_true", help="one epoch of a few images: does it run at all?"
    )
    parser.add_argument(
        "--if-gpu", action="store_true", help="on a CUDA card: images/s and share of its peak"
    )
    parser.add_argument("--readme", action="store_true", help="write the tables into the README")
    return parser.parse_args()


def missing(peer: str, options: argparse.Namespace, rows: list[Row]) -> list[tuple[Contest, bool]]:
    """Return the runs of ``peer`` that have no row on this machine yet, one entry a run."""
    wanted = []
    for contest in CONTESTS:
        for name, fast in ((OURS, False), *contest.contestants):
            if name != peer or contest.name not in options.contests:
                continue
            done = [row for row in rows if key(row) == (contest.name, peer, fast)]
            counted = [row for row in done if not (options.retry and "error" in row)]
            wanted += [(contest, fast)] * (options.repeats - len(counted))
    return wanted


def measure(
    peer: str, wanted: list[tuple[Contest, bool]], setting: Setting, options: argparse.Namespace
) -> Iterator[Row]:
    """Run ``peer`` in its environment and give a row a run, or its installer's error for each."""
    try:
        with environment(peer, PEERS[peer], options.envs, keep=options.keep) as python:
            versions = versions_in(python)
            for contest, fast in wanted:
                found = run(python, peer, fast, contest, setting)
                yield {"contest": contest.name, "peer": peer, "fast": fast, "versions": versions, **found}
    except InstallError as error:
        for contest, fast in wanted:
            failed = {"error": f"does not install: {error}"}
            yield {"contest": contest.name, "peer": peer, "fast": fast, **failed}


def tell(row: Row) -> None:
    said = [f"{name} {row[name]}" for name in ("error", "best", "epoch_s", "seconds") if row.get(name)]
    kind = "bf16" if row["fast"] else "default"
    print(f"{row['contest']} {row['peer']} {kind}: {', '.join(said)}", file=sys.stderr, flush=True)


def key(row: Row) -> tuple[str, str, bool]:
    return row["contest"], row["peer"], row["fast"]


def rows_of(where: dict[str, Any], path: Path) -> list[Row]:
    """Return the rows that were measured on a machine of this kind: another's are no substitute."""
    return [row for row in read_rows(path) if same_kind(row["machine"], where)]


def shares(rows: list[Row]) -> str:
    """Return images a second and the share of the card's peak for each contestant of the timed contests."""
    lines = []
    for contest in (contest for contest in CONTESTS if not contest.judges_accuracy):
        for row in (row for row in rows if row["contest"] == contest.name and row.get("epoch_s")):
            name = row["machine"]["card"]
            speed = row["n_train"] / row["epoch_s"]
            peak = card.peak_of(name)
            used = speed * card.operations(contest, frozen_parameters(contest))
            share = f"{100 * used / peak:.2f} % of the peak" if peak else "peak not known"
            lines.append(
                f"{contest.name} {row['peer']}{' bf16' if row['fast'] else ''}: {speed:.0f} images/s, {share}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
