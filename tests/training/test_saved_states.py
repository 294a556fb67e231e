"""States are kept two deep, proved by their hashes, and what a killed process left is passed over."""

import pickle
from pathlib import Path

import pytest
import torch

from finetune.errors import ResourceError, RunError
from finetune.training.checkpoint_io import SafeCheckpointIO
from finetune.training.durable import hash_file, is_sound, write_tensors, write_text
from finetune.training.saved_states import SavedStates

CHECKPOINT = {"epoch": 3, "state_dict": {"a": torch.rand(3)}, "loops": {0: (1, 2.5)}}


@pytest.fixture
def states(tmp_path: Path) -> SavedStates:
    found = SavedStates(tmp_path / "resume")
    found.make()
    return found


def save(states: SavedStates, epoch: int, best: int) -> Path:
    for number in {0, best}:
        if not states.best_path(number).exists():
            write_tensors(states.best_path(number), {"a": torch.rand(2)}, metadata={"val_accuracy": "0.5"})
    path = states.state_path(epoch, best)
    SafeCheckpointIO().save_checkpoint(CHECKPOINT, path)
    return path


def names(states: SavedStates) -> list[str]:
    return sorted(path.name for path in states.folder.iterdir() if path.suffix == ".safetensors")


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    plugin = SafeCheckpointIO()
    plugin.save_checkpoint(CHECKPOINT, tmp_path / "a.safetensors")
    back = plugin.load_checkpoint(str(tmp_path / "a.safetensors"))
    assert torch.equal(back["state_dict"]["a"], CHECKPOINT["state_dict"]["a"])  # type: ignore[index]
    assert back["loops"] == {0: (1, 2.5)}
    plugin.remove_checkpoint(tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_pickle_is_not_read(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "ran"),))

    (tmp_path / "a.safetensors").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(RunError, match="holds no training state"):
        SafeCheckpointIO().load_checkpoint(tmp_path / "a.safetensors")
    assert not (tmp_path / "ran").exists()


def test_tensors_without_a_state_are_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path / "a.safetensors", {"a": torch.rand(2)}, metadata={"state": "[]"})
    with pytest.raises(RunError, match="holds no training state; train again"):
        SafeCheckpointIO().load_checkpoint(tmp_path / "a.safetensors")


def test_the_last_two_states_their_best_weights_and_the_start_are_kept(states: SavedStates) -> None:
    for epoch, best in ((1, 0), (2, 2), (3, 2), (4, 4)):
        save(states, epoch, best)
        states.prune()
    assert names(states) == [
        "best-00000.safetensors",
        "best-00002.safetensors",
        "best-00004.safetensors",
        "epoch-00003-best-00002.safetensors",
        "epoch-00004-best-00004.safetensors",
    ]
    newest, damaged = states.newest()
    assert newest is not None
    assert (newest.epoch, newest.best_epoch, damaged) == (4, 4, ())
    assert states.newest_best() == (4, states.best_path(4))


def test_a_damaged_state_is_named_and_the_one_before_is_taken(states: SavedStates) -> None:
    save(states, 1, 1)
    newest = save(states, 2, 1)
    newest.write_bytes(newest.read_bytes()[:-1])
    found, damaged = states.newest()
    assert found is not None
    assert (found.epoch, damaged) == (1, (newest.name,))


def test_a_state_whose_best_weights_are_gone_is_not_sound(states: SavedStates) -> None:
    save(states, 1, 1)
    save(states, 2, 2)
    states.best_path(2).unlink()
    found, damaged = states.newest()
    assert found is not None
    assert (found.epoch, damaged) == (1, ("best-00002.safetensors",))
    assert states.newest_best() == (1, states.best_path(1))


def test_a_state_whose_start_is_damaged_is_not_sound(states: SavedStates) -> None:
    """What moved is measured from it."""
    save(states, 1, 1)
    states.start_path.write_bytes(b"")
    assert states.newest() == (None, ("best-00000.safetensors",))


def test_weights_to_be_averaged_stay_until_they_are_too_old(states: SavedStates) -> None:
    for epoch in (1, 2, 3):
        write_tensors(states.weights_path(epoch), {"a": torch.rand(2)}, metadata={})
    save(states, 3, 3)
    states.prune()
    assert [name for name in names(states) if name.startswith("weights")] == [
        f"weights-0000{epoch}.safetensors" for epoch in (1, 2, 3)
    ]
    states.prune_weights(before=3)
    assert [name for name in names(states) if name.startswith("weights")] == ["weights-00003.safetensors"]
    assert not hash_file(states.weights_path(2)).exists()


def test_going_on_forgets_what_lies_after(states: SavedStates) -> None:
    save(states, 1, 1)
    save(states, 2, 2)
    for epoch in (1, 2):
        write_tensors(states.weights_path(epoch), {"a": torch.rand(2)}, metadata={})
    states.forget_after(1)
    assert names(states) == [
        "best-00000.safetensors",
        "best-00001.safetensors",
        "epoch-00001-best-00001.safetensors",
        "weights-00001.safetensors",
    ]
    states.forget_after(-1)
    assert names(states) == []
    assert states.newest() == (None, ())
    assert states.newest_best() is None


def test_unfinished_files_are_swept_and_strangers_stay(states: SavedStates) -> None:
    (states.folder / "epoch-00001-best-00000.safetensors.tmp").write_text("half")
    (states.folder / "notes.txt").write_text("mine")
    states.make()
    assert [path.name for path in states.folder.iterdir()] == ["notes.txt"]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"a": torch.ones(2)}, metadata={})
    before = path.read_bytes()
    (tmp_path / "a.safetensors.tmp").mkdir()  # nothing can be written there
    with pytest.raises(ResourceError, match=r"cannot write .*; free some space"):
        write_tensors(path, {"a": torch.zeros(2)}, metadata={})
    assert path.read_bytes() == before
    assert is_sound(path)


def test_a_text_is_replaced_whole_and_its_folder_must_be_there(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", "one")
    write_text(tmp_path / "a.json", "two")
    assert (tmp_path / "a.json").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_text(tmp_path / "nowhere" / "a.json", "x")


def test_a_hash_that_is_no_text_proves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"a": torch.ones(2)}, metadata={})
    hash_file(path).write_bytes(b"\xff\xfe")
    assert not is_sound(path)
