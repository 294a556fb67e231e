"""A hub cache as the hub's client leaves it, filled without a hub."""

import hashlib
from pathlib import Path

from finetune.model.backbones import Backbone

REVISION = "0123456789abcdef0123456789abcdef01234567"


def lay_in_cache(cache: Path, backbone: Backbone, content: bytes) -> Path:
    """Lay a weights file where the hub's client would have put it; return its path there."""
    folder = cache / f"models--{backbone.hub_id.replace('/', '--')}"
    blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
    link = folder / "snapshots" / REVISION / "model.safetensors"
    for path in (blob, link, folder / "refs" / "main"):
        path.parent.mkdir(parents=True)
    (folder / "refs" / "main").write_text(REVISION, encoding="utf-8")
    blob.write_bytes(content)
    link.symlink_to(blob)
    return link
