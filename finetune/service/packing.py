"""A bundle as one file to hand out."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path


def zip_bundle(bundle: Path, target: Path) -> Path:
    """Write the files of ``bundle`` to the zip ``target`` and return it; stored, since weights do not shrink.

    A zip that is as new as the weights is used again; two requests at once do not disturb each other.
    """
    weights = bundle / "model.safetensors"
    if target.is_file() and target.stat().st_mtime_ns >= weights.stat().st_mtime_ns:
        return target
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".tmp", delete=False) as unfinished:
        try:
            with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(bundle.iterdir()):
                    archive.write(path, f"{target.stem}/{path.name}")
        except BaseException:
            Path(unfinished.name).unlink(missing_ok=True)
            raise
    Path(unfinished.name).replace(target)
    return target
