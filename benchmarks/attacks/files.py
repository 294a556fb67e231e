"""Images that are none, that grow or break decoders, and pickles under every name."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

from api_server import packed, picture
from odd_images import REFUSED, SHOWN
from PIL import Image

from attacks.stage import V1, Stage

TRACE = Path(tempfile.gettempdir()) / "finetune-attack-pickle"
NOT_FILES = ("folder.jpg", "pipe.png", "loop.png")


def all_of(stage: Stage) -> None:
    """Try all."""
    images(stage)
    weights(stage)


class Evil:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {TRACE}",)


def images(stage: Stage) -> None:
    """Line 5: every odd image is asked about, and an honest one after them."""
    with tempfile.TemporaryDirectory() as folder:
        for odd in (*SHOWN, *REFUSED):
            if odd.name not in NOT_FILES:
                wanted = odd.refused or "a label"
                ask(stage, odd.name, odd.make(Path(folder)).read_bytes(), wanted)
    gif = b"GIF89a" + struct.pack("<2H3B", 65535, 65535, 0x80, 0, 0) + bytes(6) + b"\x2c" + bytes(40)
    ask(stage, "bomb.gif", gif, "million pixels")
    ask(stage, "bomb.tif", _wide_tiff(), "million pixels")
    for name, content in {
        "page.jpg": b"<html><script>alert(1)</script>",
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "script.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(touch /tmp/x) system",
        "magick.jpg": b"push graphic-context\nfill 'url(https://127.0.0.1/x|touch /tmp/x)'\npop graphic-context",
        "paper.png": b"%PDF-1.7\n",
        "cursor.jpg": b"\0\0\1\0\1\0" + bytes(40),
    }.items():
        ask(stage, name, content, "is not")
    ask(stage, "honest.png", picture(), "a label")


def _wide_tiff() -> bytes:
    """Return a TIFF whose tag 256 says that it is a billion pixels wide."""
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "TIFF")
    content = bytearray(stream.getvalue())
    struct.pack_into("<HHLL", content, content.index(struct.pack("<H", 256), 8), 256, 4, 1, 10**9)
    return bytes(content)


def ask(stage: Stage, name: str, content: bytes, wanted: str) -> None:
    """Ask the model about an image, which must get a label or be refused with the words ``wanted``."""
    answer = stage.ann.post(f"{V1}/models/{stage.model}/predict", files={"images": (name, content)})
    row = (
        answer.json()["predictions"][0]
        if answer.status_code == 200
        else {"error": answer.text, "label": None}
    )
    said = row["error"] or ("a label" if row["label"] else "")
    held = wanted in said and bool(said) and "/" not in said and stage.lives()
    stage.note(
        "5 images",
        f"an odd image: {name}",
        f"{len(content):,} bytes",
        f"{answer.status_code} {said}",
        held=held,
    )


def weights(stage: Stage) -> None:
    """Line 6: a pickle under any name leaves no trace."""
    line, content = "6 weights", pickle.dumps(Evil())
    for name in ("photos.zip", "weights.pth", "model.safetensors", "data.tar", "x.jpg"):
        answer = stage.hand_in(content, name)
        stage.answered(line, "a pickle as a data set", name, answer, 422, also=lambda _: not TRACE.exists())
        answer = stage.ann.post(f"{V1}/models/{stage.model}/predict", files={"images": (name, content)})
        stage.answered(line, "a pickle as an image", name, answer, 200, also=lambda _: not TRACE.exists())
    mixed = packed(
        **{f"{kind}__{n}.png": picture(number=n) for kind in ("a", "b") for n in range(3)},
        **{"a__bad.jpg": content, "b__bad.png": content, "model.pth": content, "classes.pkl": content},
    )
    answer = stage.hand_in(mixed, "mixed.zip")
    address = f"{V1}/datasets/{answer.json()['id']}/health"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and stage.ann.get(address).json()["state"] in ("queued", "running"):
        time.sleep(1)
    found = stage.ann.get(address).json()
    state = f"{found['state']} {found['error']}".strip()
    held = not TRACE.exists() and found["state"] in ("done", "failed")
    stage.note(
        line, "pickles among the images", "mixed.zip, looked at", f"no trace; the check is {state}", held=held
    )
    for recipe in ({"weights": "/etc/passwd"}, {"weights": "x.pth"}, {"drop_suspects": "/etc/passwd"}):
        answer = stage.ann.post(f"{V1}/jobs", json={"dataset": stage.dataset, "recipe": recipe})
        stage.answered(line, "a file of the server's as weights", str(recipe), answer, 422)
