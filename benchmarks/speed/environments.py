"""A peer's own virtual environment: made, asked what it got, removed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from speed.contests import Peer

SHARED = ("torch", "torchvision")
"""Installed in the versions that we run on, where the peer allows them."""

TOLD = (
    "torch",
    "torchvision",
    "timm",
    "fastai",
    "transformers",
    "accelerate",
    "autogluon.multimodal",
    "autotimm",
    "lightning",
    "pytorch-lightning",
    "numpy",
    "pillow",
)
"""Whose versions are written down."""

_ASK = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": sys.version.split()[0]}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class InstallError(Exception):
    """A peer's packages do not install; its text is the installer's last line."""


@contextmanager
def environment(name: str, peer: Peer, folder: Path, *, keep: bool) -> Iterator[Path]:
    """Give the Python that has the peer's packages; what was made for it is removed unless ``keep``.

    Raises InstallError. An environment that is there already is used as it is.
    """
    if not peer.packages:
        yield Path(sys.executable)
        return
    home = folder / name
    try:
        yield _install(home, peer)
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _install(home: Path, peer: Peer) -> Path:
    python, stamp = home / "bin" / "python", home / "installed"
    if stamp.exists():
        return python
    pins = [f"{name}=={version(name).partition('+')[0]}" for name in SHARED]
    error = ""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    for packages in ([*peer.packages, *pins], list(peer.packages)):
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*command, *packages], check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            stamp.touch()
            return python
        error = error or last_line(done.stderr)
    raise InstallError(error)


def versions_in(python: Path) -> dict[str, str]:
    """Return the versions of what `TOLD` names, as far as ``python`` has it."""
    asked = subprocess.run([str(python), "-c", _ASK, *TOLD], check=True, stdout=subprocess.PIPE)
    found: dict[str, str] = json.loads(asked.stdout)
    return found


def last_line(text: str) -> str:
    """Return the last line that says something, an error before any other."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no output"])[-1][:300]
