"""The names in a zip are those that its maker gave, whatever code page the maker's machine wrote them in."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.archives import extract_zip
from finetune.data.zip_names import decoded_names
from finetune.errors import ArchiveError

HANZI = "\u4e00\u4e8c\u4e09\u5341\u732b\u72d7\u8bad\u7ec3\u96c6"


def zip_of_raw_names(path: Path, names: Sequence[bytes]) -> Path:
    """A zip of empty files under names of any bytes, without the flag that says UTF-8."""
    stand_ins = [chr(ord("a") + number) * len(name) for number, name in enumerate(names)]
    with zipfile.ZipFile(path, "w") as archive:
        for stand_in in stand_ins:
            archive.writestr(stand_in, b"")
    content = path.read_bytes()
    for stand_in, name in zip(stand_ins, names, strict=True):
        content = content.replace(stand_in.encode(), name)
    path.write_bytes(content)
    return path


def unpacked(folder: Path, names: Sequence[bytes]) -> set[str]:
    extract_zip(zip_of_raw_names(folder / "a.zip", names), folder / "target")
    found = (folder / "target").rglob("*")
    return {path.relative_to(folder / "target").as_posix() for path in found if path.is_file()}


@pytest.mark.parametrize(
    "names",
    [
        ["训练集/猫/图片 1.jpg", "训练集/狗/图片 2.jpg"],
        ["set/茶花（红）/①.jpg", "set/荷花·白/2.jpg", "set/①②.txt"],
        # A second byte of 0x5C, which is a backslash alone.
        ["誠信/一.jpg", "乗車/二.jpg"],
        # The bytes of the middle two are UTF-8 too, of a Latin and of a Cyrillic letter.
        ["狗/1.jpg", "猫/2.jpg", "一/3.jpg", "三/4.jpg"],
        # Four bytes: beyond GBK.
        ["龘䶮𠮷/00001.jpg"],
    ],
    ids=["simplified", "signs", "backslash", "utf-8 by chance", "four bytes"],
)
def test_a_zip_of_a_chinese_windows_keeps_its_names(tmp_path: Path, names: list[str]) -> None:
    assert unpacked(tmp_path, [name.encode("gb18030") for name in names]) == set(names)


@pytest.mark.parametrize(
    "names",
    [
        ["Käfer/größe 12345.jpg", "Straße/00002.jpg"],
        ["cañón/00001.jpg", "niño/00002.jpg", "¿qué?/00003.jpg"],
        ["Ær/1.jpg", "20°/2.jpg", "½/3.jpg"],
    ],
    ids=["German", "Spanish", "signs"],
)
def test_a_zip_of_a_western_windows_keeps_its_names(tmp_path: Path, names: list[str]) -> None:
    assert unpacked(tmp_path, [name.encode("cp437") for name in names]) == set(names)


def test_utf_8_without_the_flag_stays_what_it_is_beside_names_in_another_code_page(tmp_path: Path) -> None:
    raw = ["日本/00001.jpg".encode(), "狗/00002.jpg".encode("gb18030"), "größe/3.jpg".encode()]
    assert unpacked(tmp_path, raw[:2]) == {"日本/00001.jpg", "狗/00002.jpg"}
    infos = zipfile.ZipFile(zip_of_raw_names(tmp_path / "b.zip", raw[::2])).infolist()
    assert decoded_names(infos) == ["日本/00001.jpg", "größe/3.jpg"]


def test_a_name_that_is_flagged_as_utf_8_is_not_read_again(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("ä/猫.jpg", b"")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert decoded_names(archive.infolist()) == ["ä/猫.jpg"]


@pytest.mark.parametrize(
    "bad", [b"ants\\\xd5\x5c.jpg", b"../\xd5\x5c123.jpg", b"\xd5\x5c/\x81\x30\x81\x30.jpg"]
)
def test_a_chinese_name_is_checked_like_any_other(tmp_path: Path, bad: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"backslash|leads out of the archive"):
        unpacked(tmp_path, [bad])
    assert not (tmp_path / "target").exists()


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=4), st.text(HANZI, min_size=1))
def test_any_bytes_have_a_name_and_chinese_ones_their_own(raw: list[bytes], text: str) -> None:
    infos = [zipfile.ZipInfo() for _ in raw]
    for info, name in zip(infos, raw, strict=True):
        info.orig_filename = name.decode("cp437")
    assert len(decoded_names(infos)) == len(raw)
    chinese = zipfile.ZipInfo()
    chinese.orig_filename = f"{text}狗".encode("gb18030").decode("cp437")
    assert decoded_names([chinese]) == [f"{text}狗"]
