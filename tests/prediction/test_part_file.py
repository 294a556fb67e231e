"""Rows that are whole or not there: after any break the next try goes on, and the file is as if there were none."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.errors import ResourceError, RunError
from finetune.prediction.part_file import PartFile, is_ordinary, refuse_unwritable

ITEMS = [Path(f"{number}.png") for number in range(9)]
QUESTION = {"top": 3}


class Break(Exception):  # noqa: N818 - it stands for one
    pass


def fill(target: Path, *, until: int = 99, items: list[Path] = ITEMS, **question: int) -> PartFile:
    """Add a row an item, as far as ``until``, where a break comes unless it is the end."""
    with PartFile(target, question=question or QUESTION, items=items) as part:
        for item in items[part.n_rows : until]:
            part.add(f"{item}\n", n_rows=1, n_errors=item.stem == "3")
        if until < len(items):
            raise Break
    return part


def broken_off(target: Path, until: int, **question: int) -> None:
    with pytest.raises(Break):
        fill(target, until=until, **question)


WHOLE = "".join(f"{item}\n" for item in ITEMS)


@given(breaks=st.lists(st.integers(0, len(ITEMS) - 1), max_size=4), torn=st.binary(max_size=20))
def test_after_any_breaks_the_file_is_as_if_there_were_none(
    tmp_path_factory: pytest.TempPathFactory, breaks: list[int], torn: bytes
) -> None:
    target = tmp_path_factory.mktemp("out") / "a.csv"
    reached = 0
    for until in breaks:
        broken_off(target, until)
        reached = max(reached, until)
        assert not target.exists()
        if (part := target.with_name("a.csv.part")).exists():
            with part.open("ab") as stream:  # half a row that a killed process wrote after its last note
                stream.write(torn)
    part_file = fill(target)
    assert (part_file.n_kept, part_file.n_rows, part_file.n_errors) == (reached, len(ITEMS), 1)
    assert target.read_text() == WHOLE
    assert [path.name for path in target.parent.iterdir()] == ["a.csv"]


def test_what_was_there_before_stays_until_the_new_rows_are_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("precious")
    broken_off(target, 5)
    assert target.read_text() == "precious"
    fill(target)
    assert target.read_text() == WHOLE


def damaged_note(part: Path) -> None:
    part.with_name(part.name + ".json").write_text("{")


def lost_end(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-3])


def foreign_note(part: Path) -> None:
    part.with_name(part.name + ".json").write_text(json.dumps({"question": QUESTION, "kept": {}, "rows": 5}))


@pytest.mark.parametrize("damage", [damaged_note, lost_end, foreign_note])
def test_rows_that_are_not_sound_are_made_anew(tmp_path: Path, damage: object) -> None:
    broken_off(tmp_path / "a.csv", 5)
    damage(tmp_path / "a.csv.part")  # type: ignore[operator]
    part = fill(tmp_path / "a.csv")
    assert (part.n_kept, part.had_other_rows) == (0, True)
    assert (tmp_path / "a.csv").read_text() == WHOLE


def test_another_question_or_other_items_start_over(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    broken_off(target, 5, top=2)
    part = fill(target)
    assert (part.n_kept, part.had_other_rows) == (0, True)
    broken_off(target, 5)
    part = fill(target, items=[Path("new.png"), *ITEMS])
    assert (part.n_kept, part.had_other_rows) == (0, True)
    assert target.read_text() == "new.png\n" + WHOLE


def test_items_that_are_added_after_those_done_change_nothing(tmp_path: Path) -> None:
    broken_off(tmp_path / "a.csv", 5)
    part = fill(tmp_path / "a.csv", items=[*ITEMS, Path("later.png")])
    assert part.n_kept == 5
    assert (tmp_path / "a.csv").read_text() == WHOLE + "later.png\n"


def test_an_image_that_was_replaced_meanwhile_is_answered_anew(tmp_path: Path) -> None:
    items = [tmp_path / f"{number}.png" for number in range(3)]
    for item in items:
        item.write_bytes(b"broken")
    with pytest.raises(Break), PartFile(tmp_path / "a.csv", question=QUESTION, items=items) as part:  # noqa: PT012
        part.add("two\nrows\n", n_rows=2)
        raise Break
    items[1].write_bytes(b"mended now")
    with PartFile(tmp_path / "a.csv", question=QUESTION, items=items) as part:
        assert (part.n_kept, part.had_other_rows) == (0, True)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_the_streams_of_the_process_are_no_files_even_where_they_lead_to_one(name: str) -> None:
    assert not is_ordinary(Path(name))


def test_what_was_kept_beside_the_rows_comes_back(tmp_path: Path) -> None:
    with pytest.raises(Break), PartFile(tmp_path / "a.csv", question=QUESTION, items=ITEMS) as part:  # noqa: PT012
        part.keep(engine="torch")
        part.add("0.png\n", n_rows=1)
        raise Break
    with PartFile(tmp_path / "a.csv", question=QUESTION, items=ITEMS) as part:
        assert part.kept == {"engine": "torch"}


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with PartFile(tmp_path / "a.csv", question=QUESTION, items=ITEMS) as first:
        with (
            pytest.raises(RunError, match=r"another process is writing .*a\.csv; wait for it"),
            PartFile(tmp_path / "a.csv", question=QUESTION, items=ITEMS),
        ):
            pass
        first.add("".join(f"{item}\n" for item in ITEMS), n_rows=len(ITEMS))
    assert (tmp_path / "a.csv").read_text() == WHOLE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_rows_go_straight_into_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fill(pipe)
        assert os.read(reader, 4096).decode() == WHOLE
    finally:
        os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "out.csv")
    with pytest.raises(ResourceError, match=r"--out .* is a folder; name a CSV file in it"):
        refuse_unwritable(tmp_path)
    with pytest.raises(ResourceError, match=r"no folder .*nowhere for --out .*out\.csv; make it first"):
        refuse_unwritable(tmp_path / "nowhere" / "out.csv")
