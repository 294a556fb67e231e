"""Images are dropped or relabelled as a table says, counted, and never by a table of another set."""

import csv
from pathlib import Path

import pytest
from drawing import draw_set

from finetune.data.corrections import corrected
from finetune.data.sources import Source, open_source
from finetune.errors import DataError, FinetuneError, OptionError


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_source(draw_set(tmp_path / "set", {"ants": 4, "bees": 4}))


def table(folder: Path, *rows: str, header: str = "path,label,suggested") -> Path:
    path = folder / "suspects.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def labels(source: Source) -> dict[str, str]:
    return {image.name: image.label for image in source.images}


def test_without_tables_nothing_changes(source: Source) -> None:
    assert corrected(source) == (source, ())


def test_a_table_drops_its_images_and_no_others(source: Source, tmp_path: Path) -> None:
    names = [image.name for image in source.images]
    file = table(tmp_path, f"{names[0]},ants,bees", f"{names[5]},bees,ants")
    after, (correction,) = corrected(source, drop=file)
    assert [image.name for image in after.images] == [
        name for name in names if name not in (names[0], names[5])
    ]
    assert correction.sentence() == f"2 of 8 images are left out, as {file} says (--drop-suspects)"
    assert correction.to_json()["count"] == 2
    assert len(correction.sha256) == 64
    assert labels(source).keys() == set(names), "the source itself has changed"


def test_a_table_relabels_its_images_and_no_others(source: Source, tmp_path: Path) -> None:
    first, second = (image.name for image in source.images[:2])
    file = table(tmp_path, f"{first},ants,bees", f"{second},ants,ants")
    after, (correction,) = corrected(source, relabel=file)
    assert labels(after) == {**labels(source), first: "bees"}
    assert [image.path for image in after.images] == [image.path for image in source.images]
    assert correction.sentence().startswith("1 of 8 image is given the suggested class, as")


def test_a_list_of_names_alone_is_enough_to_drop(source: Source, tmp_path: Path) -> None:
    after, _ = corrected(source, drop=table(tmp_path, source.images[0].name, header="path"))
    assert len(after.images) == 7


@pytest.mark.parametrize(
    ("option", "rows", "header", "kind", "match"),
    [
        ("drop", ["ants/9.png,ants,bees"], None, DataError, "names ants/9.png, which is no image of"),
        ("drop", ["{0},bees,ants"], None, DataError, "is of class 'bees', but in .* it is of 'ants'; find"),
        ("drop", [], None, OptionError, "names no image; leave it out"),
        ("drop", ["{0},ants,bees", "{0},ants,bees"], None, OptionError, "twice; delete one of the rows"),
        ("drop", ["{0},ants"], "name,label", OptionError, "has rows without 'path'; give a CSV that"),
        ("relabel", ["{0}"], "path", OptionError, "has rows without 'suggested'; give a CSV that"),
        ("relabel", ["{0},ants,"], None, OptionError, "has rows without 'suggested'"),
        ("relabel", ["{0},ants,ants"], None, OptionError, "gives every image the class that it has; leave"),
        ("relabel", ["{0},ants,bee"], None, DataError, "a 'bee', which is no class of .*mean 'bees'"),
    ],
)
def test_a_table_that_does_not_fit_the_set_is_an_error(
    source: Source,
    tmp_path: Path,
    option: str,
    rows: list[str],
    header: str | None,
    kind: type[FinetuneError],
    match: str,
) -> None:
    written = [row.format(source.images[0].name) for row in rows]
    file = table(tmp_path, *written, header=header or "path,label,suggested")
    with pytest.raises(kind, match=match):
        corrected(source, **{option: file})


def test_an_image_in_both_tables_is_an_error(source: Source, tmp_path: Path) -> None:
    file = table(tmp_path, f"{source.images[0].name},ants,bees")
    with pytest.raises(OptionError, match="is in --drop-suspects and in --relabel; delete its row in one"):
        corrected(source, drop=file, relabel=file)


def test_a_file_that_is_not_there_or_no_text_is_an_error(source: Source, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"cannot read --relabel .*: No such file or directory; check"):
        corrected(source, relabel=tmp_path / "none.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(OptionError, match=r"--drop-suspects .* names no image; leave it out"):
        corrected(source, drop=binary)
    for content in (b"path\n\xff\xfe\n", b"PK\3\4\0\0"):
        binary.write_bytes(content)
        with pytest.raises(OptionError, match=r"binary\.csv is not .*text.*; save it as CSV in UTF-8"):
            corrected(source, drop=binary)
    long = table(tmp_path, f"{source.images[0].name},ants,bees,and more")
    with pytest.raises(OptionError, match=r"row 2 of --relabel .* has 4 cells for 3 columns; put text"):
        corrected(source, relabel=long)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_saved_by_a_spreadsheet_is_read(
    source: Source, tmp_path: Path, delimiter: str, encoding: str
) -> None:
    first, second = (image.name for image in source.images[:2])
    rows = [
        "Path,label,suggested,score",
        f'{first},ants,bees,"0,001"',
        f"{second},ants,bees,1",
        ",,,",
    ]
    text = "\r\n".join(row.replace(",", delimiter).replace(f"0{delimiter}0", "0,0") for row in rows)
    file = tmp_path / "mine.csv"
    file.write_bytes(f"{text}\r\n".encode(encoding))
    after, _ = corrected(source, relabel=file)
    assert labels(after) == {**labels(source), first: "bees", second: "bees"}
    assert len(corrected(source, drop=file)[0].images) == 6


@pytest.mark.parametrize(
    "name", ["a\u2028b.png", "a\x85b.png", "a\x0bb\x1cc.png", ' a, "b" .png', "猫\u2029.png"]
)
def test_a_name_with_unusual_line_breaks_is_dropped_whole(tmp_path: Path, name: str) -> None:
    folder = draw_set(tmp_path / "set", {"ants": 2, "bees": 2})
    (folder / "ants" / "0.png").rename(folder / "ants" / name)
    source = open_source(folder)
    file = tmp_path / "mine.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([["path", "label"], [f"ants/{name}", "ants"]])
    _, (correction,) = corrected(source, drop=file)
    assert correction.names == (f"ants/{name}",)
