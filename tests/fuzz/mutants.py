"""Damaged copies of a file: changes of bytes, drawn by hypothesis or by a number that repeats them."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KINDS = ("flip", "set", "number", "zero", "cut", "end", "insert", "double", "swap")
MOST_CHANGES = 4
LONGEST = 64
"""Bytes that one change takes away, puts in or moves."""
ODD_BYTES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
ODD_NUMBERS = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
PNG = b"\x89PNG\r\n\x1a\n"
BLOCK = 512


@dataclass(frozen=True)
class Change:
    """One change of ``kind`` at the share ``at`` of the file; ``other`` is a second place, ``value`` what to put."""

    kind: str
    at: float
    other: float
    length: int
    value: int


_PLACES = st.floats(0, 1, exclude_max=True)
CHANGES = st.lists(
    st.builds(
        Change,
        st.sampled_from(KINDS),
        _PLACES,
        _PLACES,
        st.integers(1, LONGEST),
        st.integers(0, 2**32 - 1),
    ),
    min_size=1,
    max_size=MOST_CHANGES,
)


def drawn(chance: random.Random) -> list[Change]:
    """Draw changes; every second one near the beginning, where formats keep their numbers."""
    return [
        Change(
            chance.choice(KINDS),
            chance.random() ** chance.choice((1, 4)),
            chance.random(),
            chance.randint(1, LONGEST),
            chance.getrandbits(32),
        )
        for _ in range(chance.randint(1, MOST_CHANGES))
    ]


def mutated(content: bytes, changes: Sequence[Change], *, repaired: bool) -> bytes:
    """Return ``content`` changed; when ``repaired`` with the checksums that PNG and tar would refuse it by."""
    for change in changes:
        content = _changed(content, change)
    return _with_checksums(content) if repaired else content


def _changed(content: bytes, change: Change) -> bytes:
    at, other = int(change.at * len(content)), int(change.other * len(content))
    before, rest = content[:at], content[at:]
    span, after = rest[: change.length], rest[change.length :]
    if change.kind == "flip":
        return before + bytes([(rest[:1] or b"\0")[0] ^ 1 << change.value % 8]) + rest[1:]
    if change.kind == "set":
        return before + bytes([ODD_BYTES[change.value % len(ODD_BYTES)]]) + rest[1:]
    if change.kind == "number":
        number = ODD_NUMBERS[change.value % len(ODD_NUMBERS)]
        form = ("<H", ">H", "<I", ">I")[change.length % 4]
        packed = struct.pack(form, number & (2 ** (8 * struct.calcsize(form)) - 1))
        return before + packed + rest[len(packed) :]
    if change.kind == "swap":
        low, high = sorted((at, other))
        size = min(change.length, high - low)
        one, two = content[low : low + size], content[high : high + size]
        return content[:low] + two + content[low + size : high] + one + content[high + size :]
    return {
        "zero": before + bytes(len(span)) + after,
        "cut": before + after,
        "end": before,
        "insert": before + random.Random(change.value).randbytes(change.length) + rest,
        "double": before + span + span + after,
    }[change.kind]


def _with_checksums(content: bytes) -> bytes:
    if content.startswith(PNG):
        return _repaired_png(content)
    return _repaired_tar(content) if content[257:262] == b"ustar" else content


def _repaired_png(content: bytes) -> bytes:
    found, at = bytearray(content), len(PNG)
    while at + 12 <= len(found):
        end = at + 8 + int.from_bytes(found[at : at + 4], "big")
        if end + 4 > len(found):
            break
        found[end : end + 4] = zlib.crc32(found[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(found)


def _repaired_tar(content: bytes) -> bytes:
    """Sum up every block that looks like a header (POSIX.1-2017, pax, "ustar Interchange Format")."""
    found = bytearray(content)
    for at in range(0, len(found) - BLOCK + 1, BLOCK):
        if found[at + 257 : at + 262] == b"ustar":
            found[at + 148 : at + 156] = b" " * 8
            found[at + 148 : at + 156] = b"%06o\0 " % sum(found[at : at + BLOCK])
    return bytes(found)


ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\u202ex" * 40,
    "../../etc/passwd",
    "hf-hub:a/b",
    [],
    {},
    [[]],
    ["a", "a"],
    {"checkpoint_path": "x.pth"},
)


def with_odd_value(document: Any, chance: random.Random) -> Any:
    """Return a JSON value in which one part, at any depth, is another, gone, or there twice."""
    if not isinstance(document, dict | list) or not document or chance.random() < 0.1:
        return chance.choice(ODD_VALUES)
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = chance.choice(keys)
    copy = document.copy()
    what = chance.random()
    if what < 0.15:
        del copy[key]
    elif what < 0.3 and isinstance(copy, list):
        copy.append(copy[key])
    else:
        copy[key] = with_odd_value(copy[key], chance)
    return copy


def over_mutants(names: Iterable[str], *, n: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: the test gets ``name``, ``changes`` and ``repaired`` ``n`` times, always the same."""
    drawn = given(name=st.sampled_from(list(names)), changes=CHANGES, repaired=st.booleans())
    always = settings(
        max_examples=n,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    return lambda test: always(drawn(test))
