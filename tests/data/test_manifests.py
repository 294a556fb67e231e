"""A manifest names its images as its maker meant it, and what it gets wrong is told by row."""

import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from drawing import draw_set, picture, save

from finetune.data.health import inspect_source
from finetune.data.sources import Source, open_source
from finetune.errors import DataError, OptionError


def written(root: Path, text: str, name: str = "set.csv", encoding: str = "utf-8") -> Path:
    """Six images, i/0.png to i/5.png, and a manifest of ``text`` beside their folder."""
    draw_set(root, {"i": 6})
    (root / name).write_bytes(text.encode(encoding))
    return root / name


def table(root: Path, columns: Mapping[str, object]) -> Path:
    draw_set(root, {"i": 6})
    parquet.write_table(arrow.table(columns), root / "set.parquet")
    return root / "set.parquet"


def rows(source: Source) -> list[tuple[str, str, str | None, str | None]]:
    return [(image.name, image.label, image.split, image.group) for image in source.images]


FOUR = "i/0.png,ant\ni/1.png,bee\ni/2.png,ant\ni/3.png,bee\n"


# How a manifest may be written.


def test_a_manifest_names_path_and_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "set", "path,label\n" + FOUR)
    monkeypatch.chdir(tmp_path)
    source = open_source("set/set.csv")
    assert rows(source) == [
        ("i/0.png", "ant", None, None),
        ("i/2.png", "ant", None, None),
        ("i/1.png", "bee", None, None),
        ("i/3.png", "bee", None, None),
    ]
    assert source.root == (tmp_path / "set").resolve()
    assert source.class_names == ("ant", "bee")
    assert source.splits_from is None
    assert source.how_split.startswith("none given; train, val and test will be cut")


def test_splits_and_groups_come_from_their_columns(tmp_path: Path) -> None:
    text = (
        "Group, LABEL ,path,split,notes\n7,ant,i/0.png,Train,x\n7,bee,i/1.png,train,\n,ant,i/2.png,valid,y\n"
    )
    source = open_source(written(tmp_path, text))
    assert rows(source) == [
        ("i/0.png", "ant", "train", "7"),
        ("i/1.png", "bee", "train", "7"),
        ("i/2.png", "ant", "val", None),
    ]
    assert source.splits_from == "column"
    assert source.split_folders == {"train": "Train", "val": "valid"}
    assert source.how_split == "rows of 'Train' are train (2), rows of 'valid' are val (1)"


def test_train_and_test_rows_alone_leave_val_to_be_cut(tmp_path: Path) -> None:
    text = "path,label,split\ni/0.png,a,test\ni/1.png,a,train\ni/2.png,b,train\n"
    how = "rows of 'train' are train (2), rows of 'test' are test (1); what is missing will be cut from train"
    assert open_source(written(tmp_path, text)).how_split == how


def test_an_empty_split_column_is_as_good_as_none(tmp_path: Path) -> None:
    text = "path,label,split\ni/0.png,a,\ni/1.png,b,\n"
    assert open_source(written(tmp_path, text)).split_folders == {}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_any_usual_delimiter_encoding_and_line_end_is_read(
    tmp_path: Path, delimiter: str, encoding: str, newline: str
) -> None:
    text = ("path,label\n" + FOUR + '"i/4.png","fly, or bee"\n\n,\n').replace("\n", newline)
    text = text.replace("fly, or", "fly# or").replace(",", delimiter).replace("fly# or", "fly, or")
    source = open_source(written(tmp_path, text, encoding=encoding))
    assert source.class_names == ("ant", "bee", "fly, or bee")
    assert len(source.images) == 5


def test_a_tsv_may_hold_commas(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, "path\tlabel\ni/0.png\ta,b\ni/1.png\tc\n", "set.TSV"))
    assert source.class_names == ("a,b", "c")


def test_a_parquet_manifest_is_the_same_set(tmp_path: Path) -> None:
    columns = {
        "path": ["i/0.png", "i/1.png", "i/2.png"],
        "label": arrow.array(["ant", "bee", "ant"]).dictionary_encode(),
        "split": ["train", "train", "test"],
        "group": arrow.array([1, 2, None]),
        "score": [0.1, 0.2, 0.3],
    }
    assert rows(open_source(table(tmp_path, columns))) == [
        ("i/0.png", "ant", "train", "1"),
        ("i/1.png", "bee", "train", "2"),
        ("i/2.png", "ant", "test", None),
    ]


def test_whole_numbers_in_a_column_of_floats_are_written_whole(tmp_path: Path) -> None:
    columns = {"path": ["i/0.png", "i/1.png"], "label": [1.0, 10.0]}
    assert open_source(table(tmp_path, columns)).class_names == ("1", "10")


def test_names_with_blanks_emoji_and_accents_are_found_in_either_form(tmp_path: Path) -> None:
    names = ["größe 🐝.png", "cafe\u0301.png", "日本 語.PNG"]
    for number, name in enumerate(names):
        save(picture(number), tmp_path / "mixed case" / name, format="PNG")
    text = "path,label\n" + "".join(
        f"mixed case/{name},{number % 2}\n" for number, name in enumerate([names[0], "café.png", names[2]])
    )
    (tmp_path / "set.csv").write_text(text, encoding="utf-8")
    report = inspect_source(open_source(tmp_path / "set.csv"))
    assert sorted(image.name for image in report.images) == sorted(f"mixed case/{name}" for name in names)


def test_a_path_as_windows_writes_it_is_found(tmp_path: Path) -> None:
    text = "path,label\ni\\0.png,a\n.\\i\\1.png,b\n"
    assert [i.name for i in open_source(written(tmp_path, text)).images] == ["i/0.png", "i/1.png"]


def test_an_absolute_path_inside_the_folder_is_taken_even_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("set")
    text = f"path,label\n{tmp_path}/set/i/0.png,a\n{tmp_path}/link/i/1.png,b\n./i/../i/2.png,b\n"
    source = open_source(written(tmp_path / "set", text))
    assert [image.name for image in source.images] == ["i/0.png", "i/1.png", "i/2.png"]


def test_files_that_differ_by_case_are_two_images(tmp_path: Path) -> None:
    path = written(tmp_path, "path,label\ni/0.png,a\ni/0.PNG,b\n")
    save(picture(9), tmp_path / "i" / "0.PNG", format="PNG")
    if len(os.listdir(tmp_path / "i")) == 6:  # noqa: PTH208
        pytest.skip("this disk takes both for one")
    assert len(open_source(path).images) == 2


def test_a_lone_manifest_in_a_folder_without_class_folders_says_the_classes(tmp_path: Path) -> None:
    written(tmp_path / "set", "path,label\n" + FOUR)
    source = open_source(tmp_path / "set")
    assert source.class_names == ("ant", "bee")
    assert source.where == str(tmp_path / "set")


def test_class_folders_count_more_than_a_manifest_beside_them(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 1, "bees": 1})
    (tmp_path / "set.csv").write_text("path,label\nants/0.png,x\nbees/0.png,y\n")
    assert open_source(tmp_path).class_names == ("ants", "bees")


def test_classes_can_be_left_out_of_a_manifest(tmp_path: Path) -> None:
    path = written(tmp_path, "path,label\n" + FOUR + "i/4.png,fly\n")
    assert open_source(path, exclude=["fly"]).class_names == ("ant", "bee")
    with pytest.raises(DataError, match=r"no class 'flies' in .*set\.csv to exclude.*did you mean 'fly'\?"):
        open_source(path, exclude=["flies"])


# What is wrong in some rows.


def test_missing_files_are_counted_and_named_by_the_check(tmp_path: Path) -> None:
    text = "path,label\n" + FOUR + "i/gone.png,ant\ni/lost.png,bee\n"
    report = inspect_source(open_source(written(tmp_path, text)))
    (unreadable,) = [finding for finding in report.findings if finding.kind == "unreadable"]
    assert unreadable.count == 2
    assert {item.name for item in report.quarantine} == {"i/gone.png", "i/lost.png"}
    assert all("no such file" in item.reason for item in report.quarantine)


def test_a_row_that_repeats_another_is_counted_once_and_told(tmp_path: Path) -> None:
    report = inspect_source(open_source(written(tmp_path, "path,label\n" + FOUR + "./i/0.png,ant\n")))
    assert len(report.images) == 4
    (odd,) = [finding for finding in report.findings if finding.kind == "odd-row"]
    assert (odd.severity, odd.count) == ("warning", 1)
    assert odd.examples == ("i/0.png: is in rows 2 and 6; counted once",)


def test_labels_that_mix_numbers_and_words_are_told(tmp_path: Path) -> None:
    source = open_source(written(tmp_path, "path,label\ni/0.png,1\ni/1.png,bee\n"))
    assert [(item.name, item.kind) for item in source.skipped] == [("the column label", "odd-row")]
    assert source.skipped[0].reason == "mixes numbers (1) and words (bee)"


def test_letters_and_digits_together_are_a_usual_set(tmp_path: Path) -> None:
    assert open_source(written(tmp_path, "path,label\ni/0.png,1\ni/1.png,b\n")).skipped == ()


def test_a_pipe_in_a_manifest_is_not_waited_for(tmp_path: Path) -> None:
    path = written(tmp_path, "path,label\n" + FOUR + "pipe.png,ant\ni,bee\n")
    os.mkfifo(tmp_path / "pipe.png")
    source = open_source(path)
    assert [(item.name, item.reason) for item in source.skipped] == [
        ("i", "is a folder, not an image"),
        ("pipe.png", "is not an ordinary file"),
    ]


# What cannot be.


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", r"set\.csv is empty; write a header with the columns path,label\[,split,group\] into it"),
        ("path,label\n", r"set\.csv has a header but no rows; give each image a row"),
        (
            "path,labels\ni/0.png,a\n",
            r"no column 'label' \(it has: path, labels\); name .*did you mean 'labels'\?",
        ),
        (
            "i/0.png,a\ni/1.png,b\n",
            r"has no column 'path' \(it has: i/0\.png, a\); name its columns path,label",
        ),
        ("path,label,Label\ni/0.png,a,b\n", r"has the column 'label' 2 times; keep one"),
        ("path,label\ni/0.png,a,b\n", r"row 2 of .*set\.csv has 3 cells for 2 columns; put text"),
        (
            "path,label\ni/0.png,a\ni/1.png,\ni/2.png\n",
            r"2 rows of .* have no label \(first: row 3\); fill it in",
        ),
        ("path,label\ni/0.png,a\n,b\n", r"1 row of .* has no path \(first: row 3\)"),
        ("path,label,split\ni/0.png,a,train\ni/1.png,b,\n", r"1 row of .* has no split \(first: row 3\)"),
        ("path,label,split\ni/0.png,a,dev\n", r"row 2 of .* has the split 'dev'; write train, val or test"),
        (
            "path,label,split\ni/0.png,a,val\ni/1.png,b,test\n",
            r"has val and test rows but none of train; add",
        ),
        (
            "path,label\ni/0.png,a\ni/0.png,b\n",
            r"i/0\.png in .* has the label 'a' in row 2 and 'b' in row 3; keep",
        ),
        (
            "path,label,split\ni/0.png,a,train\ni/1.png,b,train\ni/0.png,a,test\n",
            r"i/0\.png in .* has the split 'train' in row 2 and 'test' in row 4",
        ),
        (
            "path,label\ni/0.png,1\ni/1.png,1.0\n",
            r"the labels 1 and 1\.0 in .* are one number in 2 spellings",
        ),
        (
            "path,label\n../x.png,a\ni/0.png,b\n",
            r"1 path of .* leads out of its folder .* \(first: '\.\./x\.png' in row 2",
        ),
        (
            "path,label\n/etc/passwd,a\n/etc/hosts,b\n",
            r"2 paths of .* lead out of its folder .*; put the manifest into",
        ),
        (
            # A shift by one row would make the third contradict the first.
            "path,label\n../x.png,a\ni/0.png,b\ni/0.png,b\n",
            r"1 path of .* leads out of its folder .* \(first: '\.\./x\.png' in row 2",
        ),
        ("path,label\nC:\\x\\a.png,a\ni/0.png,b\n", r"1 path of .* leads out of its folder"),
        ("path,label\ni/../../x.png,a\ni/0.png,b\n", r"1 path of .* leads out of its folder"),
        (
            "path,label\nx/0.png,a\nx/1.png,b\n",
            r"none of the 2 files that .* names is there \(first: .*x/0\.png\); paths",
        ),
        (
            "path,label\ni/0.png,a\ni/1.png,a\n",
            r"only one class \('a'\) in .*set\.csv; a classifier needs two",
        ),
        (
            "path,label,split\ni/0.png,ant,train\ni/1.png,bee,train\ni/2.png,Ant,val\n",
            r"class 'Ant' in the val rows of .* is not a class of train; correct its label or drop it with "
            r"--exclude Ant; did you mean 'ant'\?",
        ),
    ],
)
def test_a_manifest_that_cannot_be_is_an_error_that_says_where(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        open_source(written(tmp_path, text))


def test_a_link_out_of_the_folder_is_an_error(tmp_path: Path) -> None:
    save(picture(9), tmp_path / "secret" / "9.png")
    path = written(tmp_path / "set", "path,label\ni/0.png,a\ni/9.png,b\nout/9.png,b\n")
    (tmp_path / "set" / "i" / "9.png").symlink_to(tmp_path / "secret" / "9.png")
    (tmp_path / "set" / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=r"2 paths of .* lead out of its folder .*'i/9\.png' in row 3"):
        open_source(path)


@pytest.mark.parametrize("content", [b"path,label\n\xff\xfe\xfa,a\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_a_csv_that_is_no_utf_8_text_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.csv").write_bytes(content)
    with pytest.raises(
        DataError, match=r"set\.csv is not (UTF-8 text|a text table); save it as CSV in UTF-8"
    ):
        open_source(tmp_path / "set.csv")


def test_a_parquet_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "set.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"set\.parquet cannot be read as Parquet \(.*\); write it again"):
        open_source(tmp_path / "set.parquet")


def test_a_parquet_without_the_columns_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no column 'label' \(it has: path, klass\)"):
        open_source(table(tmp_path, {"path": ["i/0.png"], "klass": ["a"]}))


def test_a_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path, {"path": ["i/0.png"], "label": ["a"]})
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r'run `pip install "finetune-strategies\[parquet\]"`'):
        open_source(path)


def test_a_manifest_that_only_wraps_bad_rows_hides_nothing_from_a_folder(tmp_path: Path) -> None:
    draw_set(tmp_path, {"": 2})
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"no class folders in .*, or give its manifest, .*/notes\.csv$"):
        open_source(tmp_path)
