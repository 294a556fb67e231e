"""A set with one fault of each kind, and what its files and the log of a cleaning say."""

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
from conftest import coloured, draw_colours
from PIL import Image


def tree(root: Path) -> dict[str, tuple[str, int]]:
    """All below ``root`` by name: the hash and time (mtime, ns) of a file, nothing of a folder."""
    return {
        str(path.relative_to(root)): (
            (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            if path.is_file()
            else ("", 0)
        )
        for path in sorted(root.rglob("*"))
    }


def draw_faulty(root: Path) -> Path:
    """Three classes of 6 with one fault of each kind."""
    draw_colours(root, {"apple": 6, "lime": 6, "plum": 6})
    (root / "apple" / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    shutil.copy(root / "apple" / "0.png", root / "apple" / "copy.png")
    shutil.copy(root / "lime" / "1.png", root / "plum" / "both.png")
    coloured(1, 90).save(root / "lime" / "png.jpg", "PNG")
    coloured(1, 91).convert("CMYK").save(root / "lime" / "print.jpg")
    deep = np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) * 28
    Image.fromarray(deep).save(root / "plum" / "deep.tif")
    turned = Image.Exif()
    turned[0x0112] = 6
    coloured(2, 92).crop((0, 0, 48, 20)).save(root / "plum" / "turned.jpg", exif=turned)
    (root / "plum" / "notes.txt").write_text("hello")
    return root


EXPECTED = {
    "apple/broken.jpg": ("quarantine", "apple/broken.jpg"),
    "apple/copy.png": ("drop", ""),
    "lime/1.png": ("quarantine", "lime/1.png"),
    "plum/both.png": ("quarantine", "plum/both.png"),
    "lime/png.jpg": ("rename", "lime/png.png"),
    "lime/print.jpg": ("rewrite", "lime/print.png"),
    "plum/deep.tif": ("rewrite", "plum/deep.png"),
    "plum/turned.jpg": ("rewrite", "plum/turned.png"),
    "plum/notes.txt": ("skip", ""),
}
"""What is logged of the faulty set: the kind of action and the new name of each file that is not just copied."""

COUNTS = {"copy": 17, "rename": 1, "rewrite": 3, "quarantine": 3, "drop": 1, "skip": 1}


def log_of(path: Path) -> dict[str, tuple[str, str]]:
    rows = csv.DictReader((path / "actions.csv").read_text(encoding="utf-8").splitlines())
    return {row["name"]: (row["kind"], row["written"]) for row in rows}
