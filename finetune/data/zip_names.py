"""The names in a zip as their maker meant them: UTF-8, a Chinese Windows' code page, or that of old DOS."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence

_UTF8_FLAG = 0x800
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WESTERN = frozenset(range(0xB0)) | {0xE1, 0xF8}
"""The bytes of code page 437 that are letters and signs of Western Europe, ß and ° last; no frames, no formulas."""


def decoded_names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the name of each member, in order.

    macOS and Info-ZIP write UTF-8 without the flag that says so, and a Windows writes its own code page. One archive
    comes from one machine, so the names that are no UTF-8 are judged together: they are gb18030 if that makes them
    Chinese and they cannot be Western, else code page 437, which zipfile takes them for.
    """
    # Not `filename`: zipfile cuts that at a NUL.
    raw = [None if info.flag_bits & _UTF8_FLAG else info.orig_filename.encode("cp437") for info in infos]
    utf8 = [None if name is None else _decoded(name, "utf-8") for name in raw]
    others = [name for name, text in zip(raw, utf8, strict=True) if name is not None and text is None]
    # No character ends in a slash, so joining makes none.
    pool = b"/".join(others)
    code_page = "gb18030" if not _WESTERN.issuperset(pool) and _is_chinese(pool) else "cp437"
    names = []
    for info, name, text in zip(infos, raw, utf8, strict=True):
        if name is None:
            names.append(info.orig_filename)
        elif text is None or (code_page == "gb18030" and _may_be_chinese(name, text)):
            names.append(name.decode(code_page))
        else:
            names.append(text)
    return names


def _decoded(name: bytes, code_page: str) -> str | None:
    try:
        return name.decode(code_page)
    except UnicodeDecodeError:
        return None


def _is_chinese(name: bytes) -> bool:
    """Whether the bytes are gb18030 with ideographs, and beside them only the signs of GBK, none for private use."""
    text = _decoded(name, "gb18030")
    if text is None or not _IDEOGRAPH.search(text):
        return False
    try:
        _IDEOGRAPH.sub("", text).encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def _may_be_chinese(name: bytes, as_utf8: str) -> bool:
    """Whether a name that is UTF-8 by chance is Chinese: the two bytes of a cat in GBK are è in UTF-8."""
    return not as_utf8.isascii() and max(as_utf8) < "\u0800" and _is_chinese(name)
