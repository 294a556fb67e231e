"""A tar is unpacked whole or not at all, whoever made it, and only when nothing in it can do harm."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from drawing import draw_set
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune.data import tars
from finetune.data.sources import open_source
from finetune.errors import ArchiveError, DataError, ResourceError

PACKINGS = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.xz": "w:xz", "tar.bz2": "w:bz2"}


def tar_of(path: Path, members: list[tarfile.TarInfo], mode: str = "w") -> Path:
    """A tar of two good images and of ``members``, whose content is as long as they say."""
    folder = draw_set(path.parent / "good", {"ants": 1, "bees": 1})
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, ".")
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    shutil.rmtree(folder)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def refused(archive: Path, cache: Path, match: str) -> None:
    with pytest.raises(ArchiveError, match=match):
        open_source(archive)
    assert not [path for path in cache.rglob("*") if path.is_file()], "something was left behind"


@pytest.mark.parametrize("ending", PACKINGS)
def test_a_tar_made_by_python_is_the_same_set_as_its_folder(tmp_path: Path, ending: str) -> None:
    folder = draw_set(tmp_path / "set", {"train/ants": 2, "train/größe 🐝": 1, "val/ants": 1})
    path = tmp_path / f"set.{ending}"
    with tarfile.open(path, PACKINGS[ending]) as archive:  # type: ignore[call-overload]
        archive.add(folder, "set")
    of_folder, of_tar = open_source(folder), open_source(path)
    assert [(i.name, i.label, i.split) for i in of_tar.images] == [
        (i.name, i.label, i.split) for i in of_folder.images
    ]
    assert [i.path.read_bytes() for i in of_tar.images] == [i.path.read_bytes() for i in of_folder.images]


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not installed")
@pytest.mark.parametrize("options", ["-cf", "-czf", "-cjf", "-cJf"])
@pytest.mark.parametrize("style", ["gnu", "pax", "ustar"])
def test_a_tar_made_by_the_system_s_tar_is_unpacked(tmp_path: Path, options: str, style: str) -> None:
    long = "a folder with a name " * 3 + "日本"
    draw_set(tmp_path / "set", {"ants": 1, f"bees/{long}": 2})
    subprocess.run(["tar", f"--format={style}", options, "../upload", "."], cwd=tmp_path / "set", check=True)
    source = open_source(tmp_path / "upload")
    assert [image.name for image in source.images] == [
        "ants/0.png",
        f"bees/{long}/0.png",
        f"bees/{long}/1.png",
    ]
    assert source.skipped == ()


def test_a_tar_as_macos_makes_it_is_read_without_its_shadows(tmp_path: Path) -> None:
    shadows = [member("./._ants"), member("./ants/._0.png", size=163), member("./.DS_Store", size=99)]
    source = open_source(tar_of(tmp_path / "set.tar", shadows))
    assert len(source.images) == 2
    assert {item.kind for item in source.skipped} == {"hidden"}


def test_a_zip_as_macos_and_info_zip_make_it_opens_as_a_set(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", {"set/ants": 1, "set/bees 🐝": 1, "__MACOSX/set/ants": 0})
    (folder / "__MACOSX" / "set" / "ants" / "._0.png").write_bytes(b"\x00\x05\x16\x07")
    (folder / "set" / ".DS_Store").touch()
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    assert open_source(tmp_path / "mac.zip").class_names == ("ants", "bees 🐝")
    if shutil.which("zip"):
        subprocess.run(["zip", "-qr", "../info.zip", "."], cwd=folder, check=True)
        assert open_source(tmp_path / "info.zip").class_names == ("ants", "bees 🐝")


def test_a_tar_is_unpacked_once_and_again_when_a_file_has_gone_or_shrunk(tmp_path: Path) -> None:
    archive = tar_of(tmp_path / "set.tar.gz", [])
    source = open_source(archive)
    made = source.images[0].path.stat().st_mtime_ns
    assert open_source(archive).images[0].path.stat().st_mtime_ns == made
    before = source.images[0].path.read_bytes()
    source.images[0].path.write_bytes(before[:9])
    source.images[1].path.unlink()
    assert open_source(archive) == source
    assert source.images[0].path.read_bytes() == before


def test_the_permissions_in_a_tar_count_for_nothing(tmp_path: Path) -> None:
    source = open_source(tar_of(tmp_path / "set.tar", [member("ants/x.png", size=3, mode=0o6777)]))
    mode = (source.root / "ants" / "x.png").stat().st_mode
    assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (
            member("../x.png"),
            r"'\.\./x\.png' in .*set\.tar leads out of the archive with '\.\.'; make the archive",
        ),
        (member("ants/../../x.png"), "leads out of the archive"),
        (member("/tmp/x.png"), "has an absolute path"),
        (member("C:/x.png"), "has a drive letter in its path"),
        (member("a\\x.png"), "has a backslash in its name"),
        (member("ants/\u202egnp.exe"), "has a control or text-direction character"),
        (member("ants/a\nb.png"), "has a control or text-direction character"),
        (member("x" * 300), "has too long a name"),
        (member("/".join("x" * 21)), "lies more than 20 folders deep"),
        (member("ants/l.png", tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link, a device or another"),
        (member("ants/l.png", tarfile.LNKTYPE, linkname="ants/0.png"), "is a link, a device or another"),
        (member("ants/p.png", tarfile.FIFOTYPE), "is a link, a device or another"),
        (member("ants/d.png", tarfile.CHRTYPE), "is a link, a device or another"),
        (member("ants/0.png"), "is there twice"),
        (member("ANTS/0.PNG"), r"is there twice \(upper and lower case"),
        (member("ants"), "is both a file and a folder"),
        (member("ants/0.png/x.png"), "is both a file and a folder"),
    ],
    ids=lambda value: repr(value.name)[:24] if isinstance(value, tarfile.TarInfo) else "",
)
def test_a_member_that_could_do_harm_is_refused(
    tmp_path: Path, cache_of_the_test: Path, bad: tarfile.TarInfo, match: str
) -> None:
    refused(tar_of(tmp_path / "set.tar", [bad]), cache_of_the_test, match)


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not installed")
def test_a_sparse_file_is_refused(tmp_path: Path, cache_of_the_test: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1})
    with (tmp_path / "set" / "ants" / "hole.png").open("wb") as file:
        file.truncate(10**7)
    subprocess.run(["tar", "-cSf", "../set.tar", "."], cwd=tmp_path / "set", check=True)
    refused(tmp_path / "set.tar", cache_of_the_test, "is a sparse file")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_refused_before_it_fills_the_disk(
    tmp_path: Path,
    cache_of_the_test: Path,
    monkeypatch: pytest.MonkeyPatch,
    pack: Callable[[bytes], bytes],
) -> None:
    monkeypatch.setattr(tars, "RATIO_FREE_TOTAL_BYTES", 10**6)
    inner = tar_of(tmp_path / "inner", [member("ants/zeros.bmp", size=8 * 10**6)]).read_bytes()
    (tmp_path / "set.tar.x").write_bytes(pack(inner))
    refused(tmp_path / "set.tar.x", cache_of_the_test, "would grow more than 200 times, as a bomb does")


def test_too_many_entries_and_too_many_bytes_are_refused(
    tmp_path: Path, cache_of_the_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tar_of(tmp_path / "set.tar", [member(f"ants/{i}.txt", size=1000) for i in range(9)])
    monkeypatch.setattr(tars, "MAX_ENTRIES", 5)
    refused(archive, cache_of_the_test, "has more than 5 entries; give a folder instead")
    monkeypatch.undo()
    monkeypatch.setenv("FINETUNE_CACHE", str(cache_of_the_test))
    monkeypatch.setattr(tars, "_MAX_STREAM_BYTES", 4000)
    refused(archive, cache_of_the_test, "unpacks to more than 20 GB; give a folder instead")


def test_a_header_of_many_megabytes_is_not_taken_into_memory(tmp_path: Path, cache_of_the_test: Path) -> None:
    forged = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=50 * 10**6)
    archive = tar_of(tmp_path / "set.tar", [forged])
    refused(archive, cache_of_the_test, r"is a damaged tar \(a header of 50\d+ bytes\)")


def test_an_xz_that_asks_for_much_memory_is_refused(
    tmp_path: Path, cache_of_the_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tar_of(tmp_path / "set.tar.xz", [], "w:xz")
    monkeypatch.setattr(tars, "XZ_MEMORY_BYTES", 10**6)
    refused(archive, cache_of_the_test, r"is a damaged tar \(Memory usage limit")


@pytest.mark.parametrize("ending", PACKINGS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_half_downloaded_tar_is_an_error_and_leaves_nothing(
    tmp_path: Path, cache_of_the_test: Path, ending: str, share: float
) -> None:
    archive = tar_of(tmp_path / f"set.{ending}", [], PACKINGS[ending])
    size = archive.stat().st_size
    # A tar that is not packed is padded to 10 kB; what counts lies before.
    os.truncate(archive, int(share * (2500 if ending == "tar" else size)))
    refused(archive, cache_of_the_test, r"set\..* is (cut off|not a tar|a damaged tar)")


def test_a_tar_cut_off_between_two_files_is_an_error(tmp_path: Path, cache_of_the_test: Path) -> None:
    archive = tar_of(tmp_path / "set.tar", [])
    os.truncate(archive, archive.read_bytes().index(b"./bees"))
    refused(
        archive, cache_of_the_test, "is cut off: the end of the tar is missing; download or copy it again"
    )


def test_two_xz_streams_in_a_row_are_one_tar(tmp_path: Path) -> None:
    content = tar_of(tmp_path / "inner", []).read_bytes()
    packed = lzma.compress(content[:3000]) + lzma.compress(content[3000:]) + bytes(8)
    (tmp_path / "set.tar.xz").write_bytes(packed)
    assert len(open_source(tmp_path / "set.tar.xz").images) == 2


@pytest.mark.parametrize(
    "content", [b"", b"no tar", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00\x00", bytes(1024)]
)
def test_what_is_named_like_a_tar_and_is_none_is_an_error(
    tmp_path: Path, cache_of_the_test: Path, content: bytes
) -> None:
    (tmp_path / "set.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"set\.tar .*(not a tar|cut off|damaged|is empty)"):
        open_source(tmp_path / "set.tar")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_no_flipped_byte_writes_outside_or_raises_anything_but_a_sentence(
    tmp_path: Path, data: st.DataObject
) -> None:
    archive = tmp_path / "set.tar"
    if not archive.exists():
        tar_of(archive, [member("ants/x.png", size=9)])
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 4000))] = data.draw(st.integers(0, 255))
    (tmp_path / "mutant.tar").write_bytes(content)
    folder = tmp_path / "target"
    folder.mkdir()
    with contextlib.suppress(ArchiveError):
        tars.extract_tar(tmp_path / "mutant.tar", folder)
    shutil.rmtree(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mutant.tar", "set.tar"]


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, cache_of_the_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tar_of(tmp_path / "set.tar", [])
    cache_of_the_test.rmdir()
    cache_of_the_test.write_text("a file where the cache should be")
    with pytest.raises(ResourceError, match=r"cannot unpack .*set\.tar into .*: .*; free some space or set"):
        open_source(archive)
