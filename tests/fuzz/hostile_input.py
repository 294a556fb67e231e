"""What must be true of any file that a user hands in: a good result, or one sentence and no traces."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mutants import drawn, mutated, with_odd_value

from finetune.bundle.bundle import load_bundle
from finetune.bundle.manifest import seal
from finetune.data.health.look import look_at
from finetune.data.images import MAX_PIXELS, examine, load_rgb
from finetune.errors import ArchiveError, FinetuneError, ImageError, ResourceError, RunError
from finetune.service.datasets import Datasets

GOOD = "good"
ENOUGH_PX = 16
LONGEST_SENTENCE = 2000


def read_image(path: Path) -> str:
    """Read an image as the check, prediction and training do; return `GOOD` or the class of the refusal."""
    outcome = _outcome(lambda: _check(path), ImageError)
    again = _outcome(lambda: _load(path, None), ImageError)
    assert again == outcome, f"the check says {outcome}, prediction {again}"
    _outcome(lambda: _load(path, ENOUGH_PX), ImageError)
    return outcome


def _check(path: Path) -> None:
    facts, (look, thumb) = examine(path, look_at)
    assert 0 < facts.width_px * facts.height_px <= MAX_PIXELS
    assert all(number == number for number in look.numbers())
    assert len(thumb) == 256


def _load(path: Path, enough_px: int | None) -> None:
    image = load_rgb(path, enough_px=enough_px)
    assert image.mode == "RGB"
    assert 0 < image.width * image.height <= MAX_PIXELS


def unpack(archive: Path, room: Path) -> str:
    """Unpack as the service does into the empty folder ``room``; return `GOOD` or the class of the refusal."""
    room.mkdir()
    datasets = Datasets(room / "sets")

    def unpacked() -> None:
        dataset = datasets.unpack(archive, archive.name, owner="ann")
        inside = list(dataset.data.rglob("*"))
        assert all(not path.is_symlink() and (path.is_file() or path.is_dir()) for path in inside)
        assert sum(path.is_file() for path in inside) == dataset.n_files
        assert list(dataset.data.parent.iterdir()) == [dataset.data]
        datasets.drop(dataset)

    outcome = _outcome(unpacked, ArchiveError, ResourceError)
    left = [path for path in room.rglob("*") if path != room / "sets"]
    assert left == [], f"left behind: {left}"
    shutil.rmtree(room)
    return outcome


def load(bundle: Path) -> str:
    """Load a bundle whose files were changed; return `GOOD` or the class of the refusal."""
    before = {path.name for path in bundle.iterdir()}
    outcome = _outcome(lambda: load_bundle(bundle), RunError, ResourceError)
    assert {path.name for path in bundle.iterdir()} == before
    return outcome


def damage_bundle(sound: Path, target: Path, chance: random.Random) -> None:
    """Copy the bundle and change one of its files, by bytes or by a value; mostly with hashes that fit."""
    shutil.copytree(sound, target)
    path = target / chance.choice(sorted(path.name for path in sound.iterdir()))
    content = path.read_bytes()
    if path.suffix == ".json" and chance.random() < 0.7:
        changed = json.dumps(with_odd_value(json.loads(content), chance)).encode()
    elif path.suffix == ".safetensors":
        # What is read first is the table of tensors, and a change of weights is none of the form.
        table = 8 + int.from_bytes(content[:8], "little")
        changed = mutated(content[:table], drawn(chance), repaired=False) + content[table:]
    else:
        changed = mutated(content, drawn(chance), repaired=False)
    path.write_bytes(changed)
    if chance.random() < 0.9:
        seal(target)


def _outcome(act: Callable[[], object], *refusals: type[FinetuneError]) -> str:
    try:
        act()
    except refusals as error:
        sentence = str(error)
        assert sentence.strip(), "a refusal without words"
        assert "\n" not in sentence, sentence
        assert len(sentence) <= LONGEST_SENTENCE, sentence
        assert "Traceback" not in sentence
        return type(error).__name__
    return GOOD


@contextmanager
def room_in(folder: Path) -> Iterator[Path]:
    """Give a folder in a new one, in which nothing may lie at the end but what was put there before."""
    outer = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield outer
    finally:
        shutil.rmtree(outer)


def high_water_mib() -> float:
    """Return the most memory that this process has had since `forget_high_water` (Linux, VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def forget_high_water() -> None:
    """Begin to measure anew (proc(5): 5 into clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
