"""The service under load: people who poll and ask while a job trains; answers a second with and without batches.

Appends rows to ``results/service_load.jsonl`` and prints tables; ``--short`` tries it out with a tiny network and few
seconds a part. Clients and server share the machine, so that what a client costs is in the numbers too.
``--write`` puts the tables of the newest rows into docs/serve.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from common import RESULTS, ROOT, append_row, machine, markdown_table, read_rows, replace_between

from finetune.client import Client

ROWS = RESULTS / "service_load.jsonl"
POLLERS, ASKERS = 100, 10
POLL_EVERY_S, ASK_EVERY_S = 1.0, 1.0
CLIENTS = (1, 8, 32)
LONG, SHORT = 60.0, 6.0
TINY = {"strategy": "from-scratch", "backbone": "test_resnet", "image_size": 32}
RECIPES: dict[bool, tuple[dict[str, Any], dict[str, Any]]] = {
    False: ({"strategy": "freeze-all"}, {"strategy": "partial", "epochs": 500}),
    True: ({**TINY, "epochs": 1}, {**TINY, "epochs": 500}),
}
"""What is asked about, and what trains meanwhile; short or not."""


@dataclass
class Times:
    """What requests took, in seconds, and how many went wrong by status (0: no answer)."""

    seconds: list[float] = field(default_factory=list)
    errors: dict[int, int] = field(default_factory=dict)

    def to_json(self, wall_s: float) -> dict[str, Any]:
        """Return what became of them in ``wall_s`` seconds."""
        taken = sorted(self.seconds)
        return {
            "requests": len(taken),
            "per_s": round(len(taken) / wall_s, 2),
            "p50_ms": _ms(taken, 0.50),
            "p95_ms": _ms(taken, 0.95),
            "max_ms": _ms(taken, 1.0),
            "errors": self.errors,
        }


def _ms(taken: list[float], share: float) -> float | None:
    return round(1000 * taken[min(len(taken) - 1, int(share * len(taken)))], 1) if taken else None


async def timed(times: Times, ask: Callable[[], Awaitable[httpx.Response]]) -> None:
    started = time.perf_counter()
    try:
        answer = await ask()
    except httpx.TransportError:
        times.errors[0] = times.errors.get(0, 0) + 1
        return
    if answer.is_error:
        times.errors[answer.status_code] = times.errors.get(answer.status_code, 0) + 1
    else:
        times.seconds.append(time.perf_counter() - started)


async def person(
    times: Times,
    ask: Callable[[], Awaitable[httpx.Response]],
    *,
    every_s: float,
    delay_s: float,
    until: float,
) -> None:
    """Ask, and again ``every_s`` after the last question was asked, from ``delay_s`` on."""
    await asyncio.sleep(delay_s)
    while (now := time.perf_counter()) < until:
        await timed(times, ask)
        await asyncio.sleep(max(0.0, now + every_s - time.perf_counter()))


async def crowd(url: str, job: str, model: str, image: bytes, seconds: float) -> dict[str, Any]:
    """Let 100 people poll the job and 10 ask the model."""
    polls, asks, started = Times(), Times(), time.perf_counter()
    until = started + seconds
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=60, limits=limits) as http:

        def ask() -> Awaitable[httpx.Response]:
            return http.post(f"/models/{model}/predict", files={"images": ("new.jpg", image)})

        def poll() -> Awaitable[httpx.Response]:
            return http.get(f"/jobs/{job}")

        everybody = [
            person(polls, poll, every_s=POLL_EVERY_S, delay_s=POLL_EVERY_S * n / POLLERS, until=until)
            for n in range(POLLERS)
        ] + [
            person(asks, ask, every_s=ASK_EVERY_S, delay_s=ASK_EVERY_S * n / ASKERS, until=until)
            for n in range(ASKERS)
        ]
        await asyncio.gather(*everybody)
        state = (await http.get(f"/jobs/{job}")).json()["state"]
    wall_s = time.perf_counter() - started
    return {"polls": polls.to_json(wall_s), "predictions": asks.to_json(wall_s), "job_at_the_end": state}


async def questions(url: str, model: str, image: bytes, n_clients: int, seconds: float) -> dict[str, Any]:
    """Let ``n_clients`` ask one image after the other."""
    times, started = Times(), time.perf_counter()
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=120) as http:

        def ask() -> Awaitable[httpx.Response]:
            return http.post(f"/models/{model}/predict", files={"images": ("new.jpg", image)})

        await asyncio.gather(
            *(person(times, ask, every_s=0, delay_s=0, until=started + seconds) for _ in range(n_clients))
        )
    return times.to_json(time.perf_counter() - started)


@contextlib.contextmanager
def server(data_dir: Path, *, together: int) -> Iterator[str]:
    """Serve ``data_dir`` in a process; at most ``together`` images in a batch."""
    with server_process(data_dir, together=together) as (url, _):
        yield url


@contextlib.contextmanager
def server_process(data_dir: Path, *, together: int) -> Iterator[tuple[str, int]]:
    """The same with the process's number."""
    words = [sys.executable, __file__, "--server", str(data_dir), str(together)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.terminate()
        process.wait(60)


def serve(data_dir: Path, together: int) -> None:
    import uvicorn

    from finetune.service.api.app import make_app
    from finetune.service.api.connection import impatient
    from finetune.service.api.context import make_context
    from finetune.service.api.engine import at_work
    from finetune.service.api.limits import ApiLimits
    from finetune.service.serving import WINDOW_S, Limits

    limits = Limits(window_s=WINDOW_S if together > 1 else 0.0, most_together=together)
    with socket.socket() as listener, at_work(data_dir) as is_at_work:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        context = make_context(data_dir, serving=limits, offline=True, is_at_work=is_at_work)
        app = make_app(context, on_start=lambda: print(address, flush=True))
        config = uvicorn.Config(
            app, log_level="warning", lifespan="on", ws="none", http=impatient(ApiLimits().header_s)
        )
        uvicorn.Server(config).run(sockets=[listener])


def fruit(folder: Path) -> tuple[Path, bytes]:
    """Write the sample set as a zip; return it and one of its images."""
    from finetune.data.samples import write_sample

    write_sample("fruit", folder / "fruit")
    image = next((folder / "fruit").rglob("*.jpg")).read_bytes()
    return Path(shutil.make_archive(str(folder / "fruit"), "zip", folder / "fruit")), image


def a_model(client: Client, dataset: str, recipe: dict[str, Any]) -> str:
    job = client.wait(client.fit(dataset, recipe))
    if job.model is None:
        sys.exit(f"no model: {job.error}")
    return job.model


def training(client: Client, dataset: str, recipe: dict[str, Any]) -> str:
    """Start a training that lasts, and return its job once it trains."""
    job = client.fit(dataset, recipe).id
    while (client.job(job).progress or {}).get("phase") != "training":
        if client.job(job).has_ended:
            sys.exit(f"the training ended at once: {client.job(job).error}")
        time.sleep(1)
    return job


def main() -> None:
    is_short = "--short" in sys.argv
    seconds = SHORT if is_short else LONG
    asked, trained = RECIPES[is_short]
    known = {"machine": machine(), "seconds": seconds, "recipe": asked}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        archive, image = fruit(folder)
        with server(folder / "service", together=64) as url, Client(url) as client:
            dataset = client.upload(archive).id
            if not is_short:
                client.health(dataset, wait=True)
            model = a_model(client, dataset, asked)
            found = [_asked(url, model, image, n, seconds, "batches") for n in CLIENTS]
            job = training(client, dataset, trained)
            load = asyncio.run(crowd(url, job, model, image, seconds))
            client.cancel(job)
            client.wait(job)
        append_row(ROWS, {"what": "crowd", **load, **known})
        with server(folder / "service", together=1) as url:
            found += [_asked(url, model, image, n, seconds, "one at a time") for n in CLIENTS]
        for row in found:
            append_row(ROWS, {"what": "questions", **row, **known})
    print(crowd_table(load))
    print(questions_table(found))


def write() -> None:
    """Put the newest rows into docs/serve.md."""
    rows = read_rows(ROWS)
    loads = [row for row in rows if row["what"] == "crowd"]
    asked = {(row["how"], row["clients"]): row for row in rows if row["what"] == "questions"}
    parts = [crowd_table(loads[-1])] if loads else []
    parts += [questions_table(list(asked.values()))] if asked else []
    replace_between(ROOT / "docs" / "serve.md", "load", "\n\n".join(parts))


def _asked(url: str, model: str, image: bytes, n_clients: int, seconds: float, how: str) -> dict[str, Any]:
    asyncio.run(questions(url, model, image, 1, 0.1))  # loads the classifier
    return {"how": how, "clients": n_clients, **asyncio.run(questions(url, model, image, n_clients, seconds))}


def crowd_table(load: dict[str, Any]) -> str:
    columns = ("requests", "p50_ms", "p95_ms", "max_ms")
    rows = [
        [
            name,
            *(str(load[name][column]) for column in columns),
            json.dumps(load[name]["errors"]) if load[name]["errors"] else "none",
        ]
        for name in ("polls", "predictions")
    ]
    return markdown_table(["while a job trains", "requests", "p50 ms", "p95 ms", "max ms", "errors"], rows)


def questions_table(found: list[dict[str, Any]]) -> str:
    rows = []
    for n in CLIENTS:
        rates = {row["how"]: row for row in found if row["clients"] == n}
        together, alone = rates["batches"], rates["one at a time"]
        gain = together["per_s"] / alone["per_s"] if alone["per_s"] else float("nan")
        rows.append(
            [str(n), str(together["per_s"]), str(alone["per_s"]), f"{gain:.2f} ×", str(together["p95_ms"])]
        )
    header = ["clients", "requests/s in batches", "one at a time", "gain", "p95 ms in batches"]
    return markdown_table(header, rows)


if __name__ == "__main__":
    if "--server" in sys.argv:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
    elif "--write" in sys.argv:
        write()
    else:
        main()
