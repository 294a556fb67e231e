"""Archives that lead out, grow, lie or hide: each is handed in, and must be refused without a trace."""

from __future__ import annotations

import copy
import io
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from api_server import photos, picture

from attacks.stage import Stage

LINE = "4 archives"
TARGET = Path(tempfile.gettempdir()) / "finetune-attack-trace.png"
ZEROS = 300 * 10**6


def all_of(stage: Stage) -> None:
    """Hand in all of them."""
    for attack, sent, content, name in (*zips(), *tars()):
        before = left(stage)
        answer = stage.hand_in(content, name)
        clean = left(stage) == before and not TARGET.exists()
        stage.answered(LINE, attack, sent, answer, 422, also=lambda _: clean)  # noqa: B023
    answer = stage.hand_in(photos(), "honest.zip")
    stage.answered(LINE, "none: an honest zip of Python's", "3 classes", answer, 201)


def left(stage: Stage) -> list[str]:
    """Return what lies where uploads arrive and data sets are kept."""
    return sorted(str(path) for name in ("arriving", "datasets") for path in (stage.root / name).iterdir())


def zips() -> Iterator[tuple[str, str, bytes, str]]:
    """Yield what is tried, how it is done, the bytes and the file's name."""
    names = {
        "zip slip": f"../../../../../../../..{TARGET}",
        "an absolute path": str(TARGET),
        "a drive letter": "C:/evil.png",
        "a backslash": "..\\..\\evil.png",
        "a text-direction character": "photo\u202egnp.exe",
        "a control character": "photo\x07.png",
        "a name of 300 letters": "x" * 300 + ".png",
        "50 folders deep": "a/" * 50 + "x.png",
    }
    for attack, name in names.items():
        yield attack, ascii(name)[:40], _zip({name: picture()}), "a.zip"
    for attack, mode in (
        ("a symbolic link", stat.S_IFLNK),
        ("a pipe", stat.S_IFIFO),
        ("a device", stat.S_IFBLK),
    ):
        yield (
            attack,
            "in the zip's attributes",
            _zip({"a.png": str(TARGET).encode()}, mode=mode | 0o777),
            "a.zip",
        )
    yield "the same name twice but for case", "a.png, A.PNG", _zip({"a.png": b"1", "A.PNG": b"2"}), "a.zip"
    yield "a file and a folder of one name", "a, a/b.png", _zip({"a": b"1", "a/b.png": b"2"}), "a.zip"
    yield "a bomb", "300 MB of zeros in one file", _zip({"a.bmp": bytes(ZEROS)}), "bomb.zip"
    many = _zip({f"{n}.bmp": bytes(10**6) for n in range(300)})
    yield "a bomb of small files", "300 files of 1 MB of zeros", many, "bomb.zip"
    yield "overlapping entries", "two entries over the same bytes", _forged(_overlap), "a.zip"
    yield "a size that is too small", "the directory says 1 byte", _forged(_lie(1)), "a.zip"
    yield "a size that is too large", "the directory says 500,000 bytes", _forged(_lie(500_000)), "a.zip"
    yield "encrypted", "the flag is set", _forged(_encrypted), "a.zip"
    yield "another packing method", "bzip2", _zip({"a.png": b"1"}, method=zipfile.ZIP_BZIP2), "a.zip"
    yield "too many entries", "500,001 empty files", _many_entries(500_001), "many.zip"
    yield "a zip cut off", "half of it", photos()[:-200], "a.zip"
    yield "no archive at all", "random bytes", bytes(range(256)) * 9, "a.zip"


def tars() -> Iterator[tuple[str, str, bytes, str]]:
    """Yield the same for tars."""
    for attack, name in (
        ("tar slip", f"../../../../../../../..{TARGET}"),
        ("an absolute path in a tar", str(TARGET)),
        ("a text-direction character in a tar", "photo\u202egnp.exe"),
    ):
        yield attack, ascii(name)[:40], _tar(tarfile.TarInfo(name)), "a.tar"
    for attack, kind in (
        ("a symbolic link in a tar", tarfile.SYMTYPE),
        ("a hard link in a tar", tarfile.LNKTYPE),
        ("a pipe in a tar", tarfile.FIFOTYPE),
        ("a device in a tar", tarfile.BLKTYPE),
    ):
        info = tarfile.TarInfo("a.png")
        info.type, info.linkname = kind, "/etc/passwd"
        yield attack, "then a file through it", _tar(info, tarfile.TarInfo("a.png/b.png")), "a.tar"
    yield (
        "the same name twice in a tar",
        "a.png, A.PNG",
        _tar(*map(tarfile.TarInfo, ("a.png", "A.PNG"))),
        "a.tar",
    )
    info = tarfile.TarInfo("a.bmp")
    info.size = ZEROS
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = pack.compress(_tar(info)) + pack.compress(bytes(ZEROS)) + pack.flush()
    yield "a bomb in tar.gz", "300 MB of zeros", bomb, "bomb.tar.gz"
    info.size = 2**40
    yield "a size that is too large in a tar", "1 TB, and nothing there", info.tobuf(), "a.tar"


def _zip(files: dict[str, bytes], *, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.filename, info.compress_type = name, method
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, content)
    return stream.getvalue()


def _forged(forge: Callable[[zipfile.ZipFile], None]) -> bytes:
    """Return a zip of two files whose directory was changed by ``forge``."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.txt", "b.txt"):
            archive.writestr(name, b"sixteen letters " * 40)
        forge(archive)
    return stream.getvalue()


def _overlap(archive: zipfile.ZipFile) -> None:
    twin = copy.copy(archive.filelist[0])
    twin.filename = "c.txt"
    archive.filelist.append(twin)


def _lie(size: int) -> Callable[[zipfile.ZipFile], None]:
    def forge(archive: zipfile.ZipFile) -> None:
        archive.filelist[0].file_size = size

    return forge


def _encrypted(archive: zipfile.ZipFile) -> None:
    archive.filelist[0].flag_bits |= 1


def _many_entries(n: int) -> bytes:
    """Return a zip of ``n`` empty files, by the letter of APPNOTE 4.3.7, 4.3.12 and 4.3.16."""
    local = struct.Struct("<4s5H3L2H")
    central = struct.Struct("<4s6H3L5H2L")
    heads, directory, at = [], [], 0
    for number in range(n):
        name = b"%06d" % number
        heads.append(local.pack(b"PK\3\4", 20, 0, 0, 0, 33, 0, 0, 0, 6, 0) + name)
        directory.append(central.pack(b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 6, 0, 0, 0, 0, 0, at) + name)
        at += local.size + 6
    whole = b"".join(directory)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(whole), at, 0)
    return b"".join(heads) + whole + end


def _tar(*infos: tarfile.TarInfo) -> bytes:
    return b"".join(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape") for info in infos)
