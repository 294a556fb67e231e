"""A real page in a process of its own, a real browser, and a hub cache with a tiny network for both."""

import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hub_cache import lay_in_cache
from PIL import Image
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, Request, sync_playwright
from safetensors.torch import save

from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS

REPOSITORY = Path(__file__).parents[1]
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COLOURS = {"apple": (200, 60, 60), "lime": (60, 180, 70), "plum": (60, 80, 200)}
STARTS_WITHIN_S = 60


def colour_zip(path: Path, *, each: int = 14) -> Path:
    """A zip of three classes of noise around a colour: easy for any network."""
    folder = path.with_suffix("")
    for kind, (name, colour) in enumerate(COLOURS.items()):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            noise = np.random.default_rng((kind, i)).normal(0, 50, (48, 48, 3))
            image = Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8))
            image.save(folder / name / f"{i}.png")
    return Path(shutil.make_archive(str(folder), "zip", folder))


def flawed_zip(path: Path, *, each: int = 24) -> Path:
    """The same with a file that is no image, a copy, and a red apple among the limes."""
    folder = path.with_suffix("")
    colour_zip(path, each=each)
    (folder / "apple" / "broken.png").write_text("<html>", encoding="utf-8")
    shutil.copy(folder / "plum" / "0.png", folder / "plum" / "again.png")
    shutil.move(folder / "apple" / "3.png", folder / "lime" / "apple.png")
    return Path(shutil.make_archive(str(folder), "zip", folder))


def fill_hub_cache(home: Path, name: str = "test_resnet") -> Path:
    """Lay random weights for the network ``name`` where the hub's client would have put them; return HF_HOME."""
    backbone = find_backbone(name)
    model = build(backbone, n_classes=1000, weights=NO_WEIGHTS, seed=7, image_size=64)
    content = save({key: tensor.contiguous() for key, tensor in model.state_dict().items()})
    lay_in_cache(home / "hub", backbone, content)
    return home


@dataclass(frozen=True)
class Served:
    """A page that answers at ``url`` and keeps its runs in ``root``."""

    url: str
    root: Path
    process: subprocess.Popen[str]


@contextmanager
def serve_page(folder: Path, *options: str, command: str = "ui") -> Iterator[Served]:
    """Run ``finetune ui`` in ``folder`` until the context ends, with a tiny network in its hub cache.

    Or another ``command`` that serves.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hub = folder / "hf"
    if not hub.exists():
        fill_hub_cache(hub)
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "finetune", command, "--port", "0", "--offline", *options],
        cwd=folder,
        env={
            **os.environ,
            **threads,
            "PYTHONPATH": paths,
            "HF_HOME": str(hub),
            "FINETUNE_CACHE": str(folder / "cache"),
            "FINETUNE_SPARE": os.environ.get("FINETUNE_SPARE", "0"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Served(
            address_told(process), folder / ("checkpoints" if command == "ui" else "service"), process
        )
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def address_told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()  # type: ignore[union-attr]
    line = lines.get(timeout=STARTS_WITHIN_S)
    found = re.search(r"http://(127|0)\.0\.0\.[01]:\d+", line)
    assert found, f"the page did not start: {line}"
    return found[0]


@dataclass
class Watch:
    """What a browser must not do behind the user's back: complain, or ask anybody but the page's own server."""

    url: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def attach(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.strangers.append(request.url)

    def check(self) -> None:
        assert self.complaints == []
        assert self.strangers == []


@dataclass(frozen=True)
class Browser:
    """Opens windows that share nothing: each is another person."""

    playwright: Playwright
    folder: Path

    @contextmanager
    def person(
        self, served: Served, name: str, *, width: int = 1280, locale: str = "en-US"
    ) -> Iterator[tuple[BrowserContext, Watch]]:
        context = self.playwright.chromium.launch_persistent_context(
            str(self.folder / name),
            executable_path=chromium(),
            headless=True,
            args=list(CHROMIUM_OPTIONS),
            viewport={"width": width, "height": 900},
            locale=locale,
        )
        watch = Watch(served.url)
        context.on("page", watch.attach)
        for page in context.pages:
            watch.attach(page)
        try:
            yield context, watch
        finally:
            context.close()


def chromium() -> str:
    """The path of Debian's Chromium, or a skip."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium; install it, e.g. apt-get install chromium")
    return found


@contextmanager
def open_browser(folder: Path) -> Iterator[Browser]:
    """A browser whose people keep their profiles below ``folder``."""
    chromium()
    with sync_playwright() as playwright:
        yield Browser(playwright, folder)
