"""A zip is unpacked whole or not at all, and only when nothing in it can do harm."""

import copy
import os
import resource
import shutil
import stat
import struct
import subprocess
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetune.data import archive_checks
from finetune.data.archives import MAX_DIRECTORY_BYTES, MAX_ENTRIES, extract_zip, is_extracted
from finetune.errors import ArchiveError, ResourceError

TEXT = b"sixteen letters " * 8


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def forged(
    path: Path, forge: Callable[[list[zipfile.ZipInfo]], None], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    """A zip of a.txt and b.txt whose central directory was changed by ``forge``."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.txt", TEXT)
        archive.writestr("b.txt", TEXT)
        forge(archive.filelist)
    return path


def with_mode(path: Path, mode: int) -> Path:
    info = zipfile.ZipInfo("a.jpg")
    info.create_system = 3
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "elsewhere")
    return path


def assert_refused(archive: Path, match: str) -> None:
    target = archive.parent / "target"
    with pytest.raises(ArchiveError, match=match):
        extract_zip(archive, target)
    assert sorted(archive.parent.iterdir()) == [archive], "something was left behind"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# What must be accepted.


def test_a_zip_made_by_python_is_unpacked(tmp_path: Path) -> None:
    files = {"ants/1.jpg": TEXT, "bees/größe/2.jpg": b"", "bees/日本.png": TEXT}
    extract_zip(zip_of(tmp_path / "a.zip", files), tmp_path / "new" / "target")
    assert contents(tmp_path / "new" / "target") == files


def test_a_stored_zip_with_folder_entries_is_unpacked_with_its_empty_folders(tmp_path: Path) -> None:
    archive = zip_of(
        tmp_path / "a.zip", {"empty/": b"", "./ants//1.jpg": TEXT, "./": b""}, zipfile.ZIP_STORED
    )
    extract_zip(archive, tmp_path / "target")
    assert (tmp_path / "target" / "empty").is_dir()
    assert contents(tmp_path / "target") == {"ants/1.jpg": TEXT}


def test_a_zip_made_by_shutil_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "set" / "ants").mkdir(parents=True)
    (tmp_path / "set" / "ants" / "é.txt").write_bytes(TEXT)
    extract_zip(Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "set")), tmp_path / "target")
    assert contents(tmp_path / "target") == {"ants/é.txt": TEXT}


@pytest.mark.skipif(shutil.which("zip") is None, reason="Info-ZIP's zip is not installed")
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_zip_made_by_info_zip_keeps_its_names_in_any_locale(tmp_path: Path, locale: str) -> None:
    folder = tmp_path / "set" / "größe 日本"
    folder.mkdir(parents=True)
    (folder / "ü.txt").write_bytes(TEXT)
    command = ["zip", "-qr", "../a.zip", "größe 日本"]
    subprocess.run(command, cwd=tmp_path / "set", check=True, env={**os.environ, "LC_ALL": locale})
    extract_zip(tmp_path / "a.zip", tmp_path / "target")
    assert contents(tmp_path / "target") == {"größe 日本/ü.txt": TEXT}


def test_a_zip_as_macos_makes_it_is_unpacked_with_its_names(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "Käfer/café.txt")
    stand_in = "x" * len(name.encode())
    archive = zip_of(tmp_path / "a.zip", {stand_in: TEXT, "__MACOSX/._x": b"", ".DS_Store": b""})
    # UTF-8 in the bytes, no flag that says so: what Archive Utility writes.
    archive.write_bytes(archive.read_bytes().replace(stand_in.encode(), name.encode()))
    extract_zip(archive, tmp_path / "target")
    assert contents(tmp_path / "target") == {name: TEXT, "__MACOSX/._x": b"", ".DS_Store": b""}


def test_a_name_in_an_old_code_page_is_read_as_such(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"K#fer.txt": TEXT})
    archive.write_bytes(archive.read_bytes().replace(b"K#fer", b"K\x84fer"))
    extract_zip(archive, tmp_path / "target")
    assert contents(tmp_path / "target") == {"Käfer.txt": TEXT}


def test_blank_bitmaps_of_ordinary_size_pass_the_ratio(tmp_path: Path) -> None:
    extract_zip(zip_of(tmp_path / "a.zip", {"blank.bmp": bytes(999_999)}), tmp_path / "target")
    assert (tmp_path / "target" / "blank.bmp").stat().st_size == 999_999


def test_folders_that_differ_by_case_are_left_to_the_health_check(tmp_path: Path) -> None:
    extract_zip(zip_of(tmp_path / "a.zip", {"Cat/1.jpg": TEXT, "cat/2.jpg": TEXT}), tmp_path / "target")
    assert len(contents(tmp_path / "target")) == 2


def test_a_zip_in_a_zip_is_just_a_file(tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "inner.zip", {"1.jpg": TEXT}).read_bytes()
    extract_zip(zip_of(tmp_path / "a.zip", {"inner.zip": inner}), tmp_path / "target")
    assert contents(tmp_path / "target") == {"inner.zip": inner}


def test_progress_counts_the_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    archive = zip_of(tmp_path / "a.zip", {"ants/": b"", "ants/1": TEXT, "ants/2": TEXT})
    extract_zip(archive, tmp_path / "target", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


# What must be refused, by its name.


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("../evil.jpg", r"'\.\./evil\.jpg' in .*a\.zip leads out of the archive"),
        ("ants/../../evil.jpg", "leads out of the archive"),
        ("/etc/evil.jpg", "absolute path"),
        ("C:/evil.jpg", "drive letter"),
        ("c:evil.jpg", "drive letter"),
        ("ants\\evil.jpg", "backslash"),
        ("ants/gpj.\u202eevil", r"'ants/gpj\.\\u202eevil' in .* text-direction character"),
        ("ants/\u2066evil.jpg", "text-direction character"),
        ("ants/a\nb.jpg", "control"),
        ("ants/\x7f.jpg", "control"),
        ("ants/\u2028.jpg", "control"),
        ("/".join("abcdefghijklmnopqrstu"), "more than 20 folders deep"),
        ("x" * 256, "too long a name"),
        ("é" * 128, "too long a name"),
        ("/".join(["x" * 200] * 6), "too long a name"),
        (".", "has no name"),
    ],
)
def test_a_bad_name_is_refused(tmp_path: Path, name: str, match: str) -> None:
    assert_refused(zip_of(tmp_path / "a.zip", {"good.jpg": TEXT, name: TEXT}), match)


def test_a_name_with_a_nul_is_refused_and_not_cut(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"a.jpg#.exe": TEXT})
    archive.write_bytes(archive.read_bytes().replace(b"a.jpg#", b"a.jpg\x00"))
    assert_refused(archive, r"'a\.jpg\\x00\.exe' in .* control")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    assert_refused(with_mode(tmp_path / "a.zip", kind | 0o777), "'a.jpg' in .* is a link, a device")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize(
    ("names", "match"),
    [
        (["1.jpg", "1.jpg"], "'1.jpg' in .* is there twice"),
        (["ants/1.jpg", "ants/1.JPG"], "'ants/1.JPG' in .* is there twice"),
        (["ants/1.jpg", "ANTS/1.jpg"], "is there twice"),
        (["caf\u00e9", "cafe\u0301"], "is there twice"),
        (["ants", "Ants/1.jpg"], "'ants' in .* is both a file and a folder"),
        (["ants/", "ants"], "is both a file and a folder"),
    ],
)
def test_two_entries_for_one_path_are_refused(tmp_path: Path, names: list[str], match: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "" if name.endswith("/") else TEXT)
    assert_refused(tmp_path / "a.zip", match)


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    def encrypt(infos: list[zipfile.ZipInfo]) -> None:
        infos[1].flag_bits |= 1

    assert_refused(forged(tmp_path / "a.zip", encrypt), "'b.txt' in .* is encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_need_unbounded_memory_are_refused(tmp_path: Path, method: int) -> None:
    assert_refused(zip_of(tmp_path / "a.zip", {"a.jpg": TEXT}, method), "method other than deflate")


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    assert_refused(zip_of(tmp_path / "a.zip", {"bomb.bmp": bytes(2_000_000)}), "'bomb.bmp' .* zip bomb")


def test_a_bomb_of_many_small_files_is_refused(tmp_path: Path) -> None:
    def many(infos: list[zipfile.ZipInfo]) -> None:
        infos[0].file_size = 900_000
        infos.extend([infos[0]] * 200)

    assert_refused(forged(tmp_path / "a.zip", many), "would grow more than 200 times")


def test_a_total_that_is_too_large_is_refused(tmp_path: Path) -> None:
    def swell(infos: list[zipfile.ZipInfo]) -> None:
        infos[0].file_size = 21 * 10**9

    assert_refused(forged(tmp_path / "a.zip", swell), r"unpacks to 21\.0 GB, more than 20 GB")


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def multiply(infos: list[zipfile.ZipInfo]) -> None:
        infos.extend([infos[0]] * 9)

    monkeypatch.setattr(archive_checks, "MAX_ENTRIES", 10)
    assert_refused(forged(tmp_path / "a.zip", multiply), "has 11 entries, more than 10; give a folder")


def test_ten_folders_do_not_bring_a_hundred_thousand_images_over_the_bound(tmp_path: Path) -> None:
    def multiply(infos: list[zipfile.ZipInfo]) -> None:
        infos.extend([infos[0]] * 100_010)

    # One entry so many times over: the names are what is refused, not their number.
    assert_refused(forged(tmp_path / "a.zip", multiply), "is there twice")


def test_the_bound_on_the_directory_leaves_room_for_long_names_of_all_entries() -> None:
    assert MAX_DIRECTORY_BYTES / MAX_ENTRIES > 300


def test_a_giant_directory_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    directory_bytes = MAX_DIRECTORY_BYTES + 1
    archive = tmp_path / "a.zip"
    with archive.open("wb") as file:
        file.write(b"PK")
        file.truncate(directory_bytes)
        file.seek(directory_bytes)
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, directory_bytes, 0, 0))
    assert_refused(archive, "directory is larger than 160 MiB")


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    def share(infos: list[zipfile.ZipInfo]) -> None:
        twin = copy.copy(infos[0])
        twin.filename = "c.txt"
        infos.append(twin)

    assert_refused(forged(tmp_path / "a.zip", share), "overlaps another entry")


def test_an_entry_inside_another_is_refused(tmp_path: Path) -> None:
    def stretch(infos: list[zipfile.ZipInfo]) -> None:
        infos[0].compress_size = infos[0].file_size = len(TEXT) + 10

    assert_refused(forged(tmp_path / "a.zip", stretch, zipfile.ZIP_STORED), "'b.txt' in .* overlaps")


def test_an_entry_that_runs_into_the_directory_is_refused(tmp_path: Path) -> None:
    def stretch(infos: list[zipfile.ZipInfo]) -> None:
        infos[1].compress_size = infos[1].file_size = len(TEXT) + 10

    assert_refused(forged(tmp_path / "a.zip", stretch, zipfile.ZIP_STORED), "runs into its own directory")


def test_an_entry_that_is_not_where_it_should_be_is_refused(tmp_path: Path) -> None:
    def shift(infos: list[zipfile.ZipInfo]) -> None:
        infos[1].header_offset += 1

    assert_refused(forged(tmp_path / "a.zip", shift), "'b.txt' is not where it should be")


@pytest.mark.parametrize(
    ("method", "size", "match"),
    [
        (zipfile.ZIP_DEFLATED, 10, "'a.txt' in .* is damaged .Bad CRC"),
        (zipfile.ZIP_DEFLATED, 1000, "'a.txt' in .* declares 1000 bytes but holds 128"),
        (zipfile.ZIP_STORED, 10, "'a.txt' in .* lies about its size"),
    ],
)
def test_a_lying_size_is_caught(tmp_path: Path, method: int, size: int, match: str) -> None:
    def lie(infos: list[zipfile.ZipInfo]) -> None:
        infos[0].file_size = size

    assert_refused(forged(tmp_path / "a.zip", lie, method), match)


def test_a_bad_checksum_names_the_entry(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"good.txt": b"fine", "bad.txt": TEXT}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(TEXT, TEXT.upper()))
    assert_refused(archive, "'bad.txt' in .* is damaged .Bad CRC-32")


def test_a_damaged_stream_names_the_entry(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"bad.txt": os.urandom(100) * 3})
    damaged = bytearray(archive.read_bytes())
    damaged[40:60] = b"\xff" * 20
    archive.write_bytes(damaged)
    assert_refused(archive, "'bad.txt' in .* is damaged")


def test_a_text_is_not_a_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("<html>404</html>")
    assert_refused(tmp_path / "a.zip", r"a\.zip is not a zip; give a folder or a zip")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_half_downloaded_zip_says_so(tmp_path: Path, share: float) -> None:
    archive = zip_of(tmp_path / "a.zip", {f"{i}.jpg": os.urandom(200) for i in range(9)})
    os.truncate(archive, int(share * archive.stat().st_size))
    assert_refused(archive, "is cut off: the end of the zip is missing")


def test_a_missing_zip_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cannot open .*a\.zip: No such file"):
        extract_zip(tmp_path / "a.zip", tmp_path / "target")


# Nothing half-made stays.


def test_an_interrupted_unpacking_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt("by the user")

    archive = zip_of(tmp_path / "a.zip", {"1.jpg": TEXT, "2.jpg": TEXT})
    with pytest.raises(KeyboardInterrupt, match="by the user"):
        extract_zip(archive, tmp_path / "target", progress=interrupt)
    assert list(tmp_path.iterdir()) == [archive]


def test_an_existing_target_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with pytest.raises(FileExistsError, match="target"):
        extract_zip(zip_of(tmp_path / "a.zip", {"1.jpg": TEXT}), tmp_path / "target")
    assert not any((tmp_path / "target").iterdir())


def test_a_target_that_another_process_made_meanwhile_wins(tmp_path: Path) -> None:
    def other_process(done: int, total: int) -> None:
        (tmp_path / "target").mkdir()
        (tmp_path / "target" / "theirs").touch()

    archive = zip_of(tmp_path / "a.zip", {"1.jpg": TEXT})
    with pytest.raises(FileExistsError, match="target"):
        extract_zip(archive, tmp_path / "target", progress=other_process)
    assert list(contents(tmp_path / "target")) == ["theirs"]
    assert len(list(tmp_path.iterdir())) == 2


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_resource_error_and_leaves_nothing(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"1.jpg": TEXT, "2.jpg": os.urandom(10_000)})
    with largest_file(5_000), pytest.raises(ResourceError, match="the disk is full; free some space"):
        extract_zip(archive, tmp_path / "target")
    assert list(tmp_path.iterdir()) == [archive]


def test_too_little_room_is_seen_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    archive = zip_of(tmp_path / "a.zip", {"1.jpg": TEXT})
    with pytest.raises(ResourceError, match="has 0 MB free; free some space or set FINETUNE_CACHE"):
        extract_zip(archive, tmp_path / "target")
    assert list(tmp_path.iterdir()) == [archive]


def test_a_place_that_cannot_be_written_is_a_resource_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=r"cannot unpack .*: Not a directory"):
        extract_zip(zip_of(tmp_path / "a.zip", {"1.jpg": TEXT}), tmp_path / "file" / "in" / "target")


def test_a_target_with_a_file_missing_or_cut_is_not_extracted(tmp_path: Path) -> None:
    archive, target = zip_of(tmp_path / "a.zip", {"ants/1.jpg": TEXT, "bees/": b""}), tmp_path / "target"
    assert not is_extracted(archive, target)
    extract_zip(archive, target)
    assert is_extracted(archive, target)
    os.truncate(target / "ants" / "1.jpg", 3)
    assert not is_extracted(archive, target)
    (target / "ants" / "1.jpg").unlink()
    assert not is_extracted(archive, target)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), min_size=1, max_size=3)
)
def test_a_mutated_zip_is_unpacked_or_refused_and_never_reaches_outside(
    tmp_path: Path, changes: list[tuple[float, bytes]]
) -> None:
    box = tmp_path / "box"
    shutil.rmtree(box, ignore_errors=True)
    box.mkdir()
    archive = zip_of(box / "a.zip", {"ants/1.txt": TEXT, "bees/é.txt": TEXT * 9})
    mutant = bytearray(archive.read_bytes())
    for where, new in changes:
        start = int(where * (len(mutant) - len(new)))
        mutant[start : start + len(new)] = new
    archive.write_bytes(mutant)
    try:
        extract_zip(archive, box / "target")
    except ArchiveError:
        assert list(box.iterdir()) == [archive]
    else:
        assert sorted(box.iterdir()) == [archive, box / "target"]
    assert list(tmp_path.iterdir()) == [box]
