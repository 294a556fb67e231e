"""What the server and the processes that answer for it hold while people do all that can be done, each minute.

    python benchmarks/service_mixed.py MINUTES [--write]

Each of a few people uploads, trains a tiny network, asks it and one that stays, takes it home and deletes all, again
and again. A row goes to ``results/service_load.jsonl``; ``--write`` puts the newest one into docs/serve.md (with 0
minutes only that).
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common import ROOT, append_row, machine, read_rows, replace_between, resident_mib
from service_load import RECIPES, ROWS, fruit, server_process

from finetune.client import Client

PEOPLE = 3


def mixed(minutes: float) -> dict[str, Any]:
    """Let people do all that can be done for ``minutes``; return the server's memory, MiB, after each, and counts."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        archive, image = fruit(folder)
        (folder / "new.jpg").write_bytes(image)
        until, counts, errors = time.monotonic() + 60 * minutes, Counter[str](), list[str]()
        with server_process(folder / "service", together=64) as (url, pid):
            with Client(url) as client:
                kept = trained(client, archive)[1]
            people = [
                threading.Thread(
                    target=live, args=(url, archive, folder / "new.jpg", kept, until, counts, errors)
                )
                for _ in range(PEOPLE)
            ]
            for each in people:
                each.start()
            seen, answering = list[float](), list[float]()
            while time.monotonic() < until:
                time.sleep(min(60.0, max(0.1, until - time.monotonic())))
                seen.append(resident_mib(pid))
                answering.append(held_by_answering(folder))
            for each in people:
                each.join()
            time.sleep(5)
            seen.append(resident_mib(pid))
            answering.append(held_by_answering(folder))
    return {
        "minutes": minutes,
        "mib": seen,
        "answering_mib": answering,
        "counts": dict(counts),
        "errors": errors[:5],
        "n_errors": len(errors),
    }


def held_by_answering(folder: Path) -> float:
    """Return what the processes that classify for a service under ``folder`` hold together, MiB; Linux only."""
    held = 0.0
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        # A process may end while it is looked at.
        with contextlib.suppress(OSError, StopIteration):
            words = command.read_bytes().decode().split("\0")
            if "finetune.service.answering" in words and any(word.startswith(str(folder)) for word in words):
                held += resident_mib(command.parent.name)
    return round(held, 1)


def trained(client: Client, archive: Path) -> tuple[str, str]:
    """Bring images, look at them and train; return the ids of the data set and of the model."""
    dataset = client.upload(archive, backbone="test_resnet").id
    client.health(dataset, wait=True)
    job = client.wait(client.fit(dataset, RECIPES[True][0]))
    assert job.model is not None, job.error
    return dataset, job.model


def live(
    url: str, archive: Path, image: Path, kept: str, until: float, counts: Counter[str], errors: list[str]
) -> None:
    """Bring images, train, ask this classifier and the ``kept`` one, take it home, delete all, and again."""
    with Client(url) as client:
        while time.monotonic() < until:
            try:
                dataset, model = trained(client, archive)
                for _ in range(20):
                    client.predict(model, [image])
                    client.predict(kept, [image])
                    list(client.jobs())
                client.download(model, image.parent / f"{model}.zip")
                (image.parent / f"{model}.zip").unlink()
                client.delete_model(model)
                client.delete_dataset(dataset)
                counts.update(uploads=1, trainings=1, predictions=40, polls=20, downloads=1, deletions=2)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                errors.append(f"{type(error).__name__}: {error}")
                time.sleep(1)


def mixed_sentence(row: dict[str, Any]) -> str:
    """Return what the server held while people used all of it."""
    counts, held, asked = row["counts"], row["mib"], row["answering_mib"]
    done = ", ".join(
        f"{counts[name]} {name}" for name in ("uploads", "trainings", "predictions", "downloads")
    )
    half = held[len(held) // 2]
    return (
        f"{row['minutes']:g} minutes of {done} by {PEOPLE} people, {row['n_errors']} errors: the server held "
        f"{held[0]:.0f} MiB after the first minute, {half:.0f} in the middle and {held[-1]:.0f} at the end, the "
        f"processes that classify for it {asked[0]:.0f}, {asked[len(asked) // 2]:.0f} and {asked[-1]:.0f}."
    )


def main() -> None:
    minutes = float(sys.argv[1])
    if minutes:
        append_row(ROWS, {"what": "mixed", **mixed(minutes), "machine": machine()})
    text = mixed_sentence([row for row in read_rows(ROWS) if row["what"] == "mixed"][-1])
    print(text)
    if "--write" in sys.argv:
        replace_between(ROOT / "docs" / "serve.md", "mixed", text)


if __name__ == "__main__":
    main()
