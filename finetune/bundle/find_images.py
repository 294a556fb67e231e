"""The images that a user means: files, folders, patterns, archives, sets, or a list on stdin."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from finetune.data.images import IMAGE_SUFFIXES
from finetune.data.places import is_named
from finetune.data.sources import LABELLED_SUFFIXES, open_source
from finetune.data.unpacking import is_archive, unpacked
from finetune.errors import DataError
from finetune.progress import SILENT, Reporter

_IMAGES_BEGIN = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*")
STDIN = Path("-")
"""Stands for a list of paths on stdin: one a line, or each ended by a NUL as ``find -print0`` does."""


def find_images(paths: Iterable[Path], *, offline: bool = False, reporter: Reporter = SILENT) -> list[Path]:
    """Return files as given, the images below folders and in archives, sorted, and those of any other set.

    A path that is not there but holds ``*``, ``?`` or ``[`` is a pattern (``**`` for folders of any depth), and
    `STDIN` a list. ``reporter`` follows what has to be unpacked or written out.

    Raises DataError for a path that does not exist, a pattern that nothing matches, and when nothing is found. A
    path in a list that does not exist is kept: its answer will say so.
    """
    paths = list(paths)
    found = [image for path in paths for image in _images_of(path, offline, reporter)]
    if not found:
        raise DataError(f"no images in {', '.join(map(str, paths))}; give image files or folders of them")
    return found


def _images_of(path: Path, offline: bool, reporter: Reporter) -> Iterator[Path]:
    if path == STDIN:
        for listed in listed_paths(sys.stdin.buffer.read()):
            yield from _images_at(listed, offline, reporter) if listed.is_dir() else [listed]
    elif is_named(path) or os.path.lexists(path):
        yield from _images_at(path, offline, reporter)
    elif glob.has_magic(str(path)):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob needs a root
        if not matches:
            raise DataError(f"nothing matches {path}; check the pattern, and quote it as '{path}'")
        yield from dict.fromkeys(_images_matched(path, map(Path, matches), offline, reporter))
    else:
        raise DataError(f"no such image or folder: {path}; check the path")


def _images_matched(
    pattern: Path, matches: Iterable[Path], offline: bool, reporter: Reporter
) -> Iterator[Path]:
    """Yield the images of a pattern's ``matches``; what ``**`` matches holds the folders' files one by one."""
    for match in matches:
        if match.is_dir() and "**" in pattern.parts:
            continue
        if pattern.name != "**" or match.suffix.lower() in IMAGE_SUFFIXES:
            yield from _images_at(match, offline, reporter)


def _images_at(path: Path, offline: bool, reporter: Reporter) -> Iterator[Path]:
    track = reporter.track
    if is_named(path) or (path.is_file() and path.suffix.lower() in LABELLED_SUFFIXES):
        yield from (
            image.path for image in open_source(path, offline=offline, track=track, least_classes=1).images
        )
    elif path.is_dir() or (path.is_file() and is_archive(path)):
        folder = path if path.is_dir() else unpacked(path, track=track)
        yield from sorted(file for file in folder.rglob("*") if _is_image(file.relative_to(folder), file))
    else:
        yield path


def _is_image(name: Path, file: Path) -> bool:
    """Judge by the ending alone, also of what turns out to be no file; what is hidden is passed over."""
    hidden = any(part.startswith(".") for part in name.parts)
    return not hidden and file.suffix.lower() in IMAGE_SUFFIXES and not file.is_dir()


def listed_paths(content: bytes) -> list[Path]:
    """Return the paths that the list ``content`` names, in any encoding; raises DataError for an image instead."""
    if content.startswith(_IMAGES_BEGIN) or content[8:12] == b"WEBP":
        raise DataError("stdin holds an image and no list of paths; save it as a file and give its name")
    if b"\0" in content:
        names = content.split(b"\0")
    else:
        names = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return [Path(os.fsdecode(name)) for name in names if name]
