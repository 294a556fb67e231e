"""What makes a name in an archive safe to unpack under: rules for one name, and for all of them together."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

from finetune.errors import ArchiveError

MAX_ENTRIES = 500_000
"""Files, folders and the shadow ``._name`` that macOS packs beside each file: 200,000 images and more."""
MAX_BYTES = 20 * 10**9
"""Bytes of all files unpacked."""
MAX_RATIO = 200
"""Unpacked to packed bytes. Photographs lie near 1; deflate cannot pass 1,032."""
RATIO_FREE_TOTAL_BYTES = 10**8
"""Below this a ratio is harmless, and blank or drawn BMPs of ordinary size do pass 200."""
MAX_DEPTH = 20
MAX_NAME_BYTES = 1024
MAX_PART_BYTES = 255
"""The longest file name that ext4, APFS and NTFS take."""

_TEXT_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def parts_of(name: str) -> tuple[str, ...]:
    """Return the parts of a posix path that mean something."""
    return tuple(part for part in name.split("/") if part not in ("", "."))


def refusal(archive: Path, name: str, why: str) -> ArchiveError:
    """Return the error for a member that must not be unpacked."""
    # repr shows control and text-direction characters instead of obeying them.
    return ArchiveError(f"{name!r} in {archive} {why}; make the archive again without that")


def _has_odd_characters(name: str) -> bool:
    if name.isprintable():  # at once, for there may be half a million names
        return False
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name) or bool(
        _TEXT_DIRECTION.search(name)
    )


def _is_too_long(name: str) -> bool:
    if 4 * len(name) <= MAX_PART_BYTES:  # no character takes more bytes than four
        return False
    longest = max(len(part.encode("utf-8", "replace")) for part in name.split("/"))
    return longest > MAX_PART_BYTES or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES


_NAME_RULES: tuple[tuple[Callable[[str], bool], str], ...] = (
    (_has_odd_characters, "has a control or text-direction character in its name"),
    (lambda name: "\\" in name, "has a backslash in its name"),
    (lambda name: name.startswith("/"), "has an absolute path"),
    (lambda name: bool(re.match("[A-Za-z]:", name)), "has a drive letter in its path"),
    (lambda name: ".." in name.split("/"), "leads out of the archive with '..'"),
    (_is_too_long, "has too long a name"),
    (lambda name: len(parts_of(name)) > MAX_DEPTH, f"lies more than {MAX_DEPTH} folders deep"),
    (lambda name: not parts_of(name) and not name.endswith("/"), "has no name"),
)


def check_name(archive: Path, name: str) -> tuple[str, ...]:
    """Return the parts of ``name``, safe to join to a folder; raises ArchiveError for an unsafe name.

    A folder's name ends in a slash.
    """
    for breaks, why in _NAME_RULES:
        if breaks(name):
            raise refusal(archive, name, why)
    return parts_of(name)


class Names:
    """The names of an archive so far: no two files of one path, and no file where a folder must be.

    Case and Unicode form count as nothing, for there are disks where they do. Only folders may differ by case
    alone: the health check explains those better than a refusal.
    """

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._files: set[tuple[str, ...]] = set()
        self._folders: set[tuple[str, ...]] = set()

    def add(self, parts: tuple[str, ...], *, is_folder: bool) -> None:
        """Take one more; raises ArchiveError."""
        key = tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)
        around = {key[:depth] for depth in range(1, len(key) + is_folder)}
        if not is_folder:
            if key in self._files:
                why = "is there twice (upper and lower case count as the same)"
                raise refusal(self._archive, "/".join(parts), why)
            self._files.add(key)
        self._folders |= around
        clash = self._files & around or ({key} & self._folders if not is_folder else set())
        if clash:
            raise refusal(self._archive, "/".join(min(clash)), "is both a file and a folder")
