"""Damage sound files by the hundred thousand and hand them to what reads users' files.

``python benchmarks/fuzz.py [N]`` brings the mutants tried to N (default 200,000), in chunks over two processes. Of 20
mutants 13 are images of all formats, 6 zips and tars, one a bundle. Each must end in a good result or in one of the
project's own errors with one sentence, leave nothing behind, write nothing elsewhere, and take neither the process
nor a minute. A row a chunk goes to ``results/fuzz.jsonl``; what was unexpected is there with its number, and
``--repeat NUMBER`` does that one again. ``--write`` renews the table in ``SECURITY.md``.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, append_row, machine, markdown_table, read_rows, replace_between

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "fuzz")]

ROWS = RESULTS / "fuzz.jsonl"
DOCUMENT = ROOT / "SECURITY.md"
CHUNK = 5000
PROCESSES = 2
AT_MOST_S = 60
OF_TWENTY = ("bundles",) + ("archives",) * 6 + ("images",) * 13


class TooSlow(Exception):  # noqa: N818
    """A mutant took more than `AT_MOST_S` of a processor's time."""


class Trial:
    """The sound files in ``folder``, and one mutant of them after the other."""

    def __init__(self, folder: Path) -> None:
        from seed_files import archive_seeds, image_seeds
        from small_bundle import small_bundle

        self._folder = folder
        self._seeds = {"images": image_seeds(), "archives": archive_seeds()}
        self._bundle = folder / "bundle"
        small_bundle(self._bundle)

    def mutant(self, number: int, place: Path) -> tuple[str, Path]:
        """Write the mutant called ``number`` into ``place``; return its kind and where it lies."""
        from hostile_input import damage_bundle
        from mutants import drawn, mutated

        kind, chance = OF_TWENTY[number % len(OF_TWENTY)], random.Random(number)
        if kind == "bundles":
            damage_bundle(self._bundle, place / "bundle", chance)
            return kind, place / "bundle"
        seed = chance.choice(self._seeds[kind])
        path = place / seed.name
        changed = mutated(seed.content, drawn(chance), repaired=chance.random() < 0.5)
        path.write_bytes(seed.packed(changed))
        return kind, path

    def outcome(self, number: int) -> dict[str, Any]:
        """Return what became of the mutant called ``number``."""
        from hostile_input import load, read_image, unpack

        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            place = Path(name)
            kind, path = self.mutant(number, place)
            signal.setitimer(signal.ITIMER_PROF, AT_MOST_S)
            try:
                with warnings.catch_warnings(record=True) as warned:
                    if kind == "archives":
                        told = unpack(path, place / "room")
                    else:
                        told = (load if kind == "bundles" else read_image)(path)
                assert list(place.iterdir()) == [path], "something was written elsewhere"
                found = {"kind": kind, "outcome": told}
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                where = traceback.extract_tb(error.__traceback__)[-1]
                what = f"{type(error).__name__}: {error}".replace(name, "")[:200]
                at = f"{Path(where.filename).name}:{where.lineno}"
                found = {"kind": kind, "unexpected": what, "at": at, "sha256": digest(path)}
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        if warned:
            found["warned"] = sorted(
                {f"{each.category.__name__}: {str(each.message)[:80]}" for each in warned}
            )
        return found


def digest(path: Path) -> str:
    """Return the first 16 hex digits of a file's SHA-256, or of all of a folder's files together."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def child(first: int, last: int, answers: Path) -> None:
    """Try the mutants of a chunk; a line is written before each and one after it."""
    import torch
    from hostile_input import forget_high_water, high_water_mib

    torch.set_num_threads(1)
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - decoders in C talk to it too
    os.dup2(sys.stderr.fileno(), 2)
    signal.signal(signal.SIGPROF, _give_up)
    with tempfile.TemporaryDirectory() as folder, answers.open("a", encoding="utf-8") as stream:
        trial = Trial(Path(folder))
        forget_high_water()
        for number in range(first, last):
            stream.write(json.dumps({"begun": number}) + "\n")
            stream.flush()
            found = {"number": number, **trial.outcome(number)}
            stream.write(json.dumps(found) + "\n")
        stream.write(json.dumps({"peak_mib": round(high_water_mib())}) + "\n")


def _give_up(*_: object) -> None:
    raise TooSlow


def chunk(first: int, last: int, work: Path) -> dict[str, Any]:
    """Try the mutants from ``first`` up to ``last`` in a process; one that ends it is noted and passed over."""
    answers, started, begin = work / f"{first}.jsonl", time.monotonic(), first
    died = []
    while begin < last:
        command = [sys.executable, __file__, "--child", str(begin), str(last), str(answers)]
        done = subprocess.run(command, check=False)
        lines = read_rows(answers)
        if not done.returncode:
            break
        begun = [line["begun"] for line in lines if "begun" in line]
        if done.returncode > 0 or not begun or begun[-1] < begin:
            sys.exit(f"the process for {begin} to {last} left with {done.returncode}")
        culprit = begun[-1]
        died.append({"number": culprit, "unexpected": f"the process died by signal {-done.returncode}"})
        begin = culprit + 1
    found = [line for line in read_rows(answers) if "number" in line]
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in found:
        outcomes[line["kind"]][line.get("outcome", "unexpected")] += 1
    return {
        "first": first,
        "last": last,
        "outcomes": {kind: dict(counts) for kind, counts in sorted(outcomes.items())},
        "unexpected": [line for line in found if "unexpected" in line] + died,
        "warned": dict(collections.Counter(text for line in found for text in line.get("warned", ()))),
        "seconds": round(time.monotonic() - started, 1),
        "peak_mib": max((line["peak_mib"] for line in read_rows(answers) if "peak_mib" in line), default=0),
        "machine": machine(),
    }


def table() -> str:
    """Return what all rows come to, as Markdown."""
    rows, lines = read_rows(ROWS), []
    for kind in ("images", "archives", "bundles"):
        counts: collections.Counter[str] = collections.Counter()
        for row in rows:
            counts.update(row["outcomes"].get(kind, {}))
        refused = {name: n for name, n in counts.items() if name not in ("good", "unexpected")}
        told = ", ".join(f"{n:,} {name}" for name, n in sorted(refused.items(), key=lambda each: -each[1]))
        lines.append([kind, f"{counts.total():,}", f"{counts['good']:,}", told, str(counts["unexpected"])])
    died = sum("signal" in each["unexpected"] for row in rows for each in row["unexpected"])
    peak = max((row["peak_mib"] for row in rows), default=0)
    header = ("files", "mutants", "read all the same", "refused in one sentence", "anything else")
    after = f"Processes that died: {died}; most memory of one: {peak:,} MiB, torch included."
    return f"{markdown_table(header, lines)}\n\n{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "mutants", nargs="?", type=int, default=200_000, help="how many in all (default 200,000)"
    )
    parser.add_argument("--repeat", type=int, metavar="NUMBER", help="do one again and say what became of it")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="with --repeat: write the mutant there too"
    )
    parser.add_argument("--write", action="store_true", help="renew the table in SECURITY.md")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(int(options.child[0]), int(options.child[1]), Path(options.child[2]))
        return
    if options.repeat is not None:
        with tempfile.TemporaryDirectory() as folder:
            trial = Trial(Path(folder))
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                print(trial.mutant(options.repeat, options.keep))
            print(trial.outcome(options.repeat))
        return
    done = {row["first"] for row in read_rows(ROWS)}
    starts = [first for first in range(0, options.mutants, CHUNK) if first not in done]
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(PROCESSES) as pool,
        contextlib.suppress(KeyboardInterrupt),
    ):
        for row in pool.map(lambda first: chunk(first, first + CHUNK, Path(folder)), starts):
            append_row(ROWS, row)
            print({name: row[name] for name in ("first", "outcomes", "unexpected", "seconds")}, flush=True)
    found = table()
    print(found)
    if options.write:
        replace_between(DOCUMENT, "fuzz", found)


if __name__ == "__main__":
    main()
