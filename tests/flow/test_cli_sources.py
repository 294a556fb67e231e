"""Every command takes every kind of data: what a set came in changes nothing but where it lies."""

import json
import tarfile
from pathlib import Path

import datasets
import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from conftest import Finetune
from PIL import Image

from finetune.batch.folder import BatchFolder
from finetune.batch.job import Job
from finetune.batch.jobs_file import read_jobs
from finetune.batch.plan import plan
from finetune.data.places import from_anywhere, is_there, short_name

KINDS = ("tar", "csv", "npz", "parquet", "hub")


@pytest.fixture(scope="session")
def kinds(colours: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The three colours in each kind of source."""
    folder = tmp_path_factory.mktemp("kinds")
    images = sorted(colours.rglob("*.png"))
    labels = [path.parent.name for path in images]
    with tarfile.open(folder / "colours.tar.gz", "w:gz") as archive:
        archive.add(colours, "colours")
    rows = [
        f"{path.relative_to(colours.parent)},{label}\n" for path, label in zip(images, labels, strict=True)
    ]
    manifest = colours.parent / "colours.csv"
    manifest.write_text("path,label\n" + "".join(rows))
    np.savez(
        folder / "colours.npz", images=np.stack([np.asarray(Image.open(p)) for p in images]), labels=labels
    )
    content = [{"bytes": path.read_bytes(), "path": None} for path in images]
    parquet.write_table(arrow.table({"image": content, "label": labels}), folder / "colours.parquet")
    names = sorted(set(labels))
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=names)})
    made = {"image": content, "label": [names.index(label) for label in labels]}
    datasets.Dataset.from_dict(made, features=features).save_to_disk(folder / "hub")
    return {
        "tar": str(folder / "colours.tar.gz"),
        "csv": str(manifest),
        "npz": str(folder / "colours.npz"),
        "parquet": str(folder / "colours.parquet"),
        "hub": f"hf:{folder / 'hub'}",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_inspected_scored_and_classified_like_its_folder(
    finetune: Finetune, kinds: dict[str, str], kind: str, colours: Path, bundle: Path
) -> None:
    report = finetune("inspect", kinds[kind], "--offline", "--json").json
    assert report["classes"] == {"apple": 14, "lime": 14, "plum": 14}
    assert report["how_split"] == "none given; train, val and test will be cut, each class in the same shares"
    of_folder = finetune("evaluate", bundle, colours, "--json").json
    of_kind = finetune("evaluate", bundle, kinds[kind], "--offline", "--json").json
    # The images of the gallery have other names in each.
    assert {**of_kind, "gallery": None} == {**of_folder, "gallery": None}
    answers = finetune("predict", bundle, kinds[kind], "--offline", "--json").json
    assert len(answers) == 42
    assert all(answer["error"] is None for answer in answers)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_trained_on_and_gone_on_with_from_elsewhere(
    finetune: Finetune,
    kinds: dict[str, str],
    kind: str,
    tiny: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheme, _, path = kinds[kind].rpartition(":")
    monkeypatch.chdir(Path(path).parent)
    where = f"{scheme}:{Path(path).name}" if scheme else Path(path).name
    answer = finetune("fit", where, "--strategy", "freeze-all", *tiny, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert "splits: none given; train, val and test will be cut" in answer.err
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["data"] == kinds[kind]
    record |= {"state": "interrupted"}
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    monkeypatch.chdir(tmp_path)
    again = finetune("fit", "--resume", tmp_path / "run")
    assert again.code == 0, again.err


def test_given_splits_are_said_and_kept(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [
        f"{path.relative_to(colours.parent)},{path.parent.name},{'valid' if number % 4 == 0 else 'train'}\n"
        for number, path in enumerate(sorted(colours.rglob("*.png")))
    ]
    manifest = colours.parent / "split.csv"
    manifest.write_text("path,label,split\n" + "".join(rows))
    said = "splits: rows of 'train' are train (31), rows of 'valid' are val (11)"
    assert said in finetune("inspect", manifest).out
    answer = finetune("fit", manifest, "--strategy", "freeze-all", *tiny, "--out", tmp_path / "run", "--json")
    assert said in answer.err
    assert (answer.json["n_train"], answer.json["n_val"], answer.json["n_test"]) == (31, 11, 0)


def test_a_run_notices_that_a_label_of_its_manifest_has_changed(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [f"{p.relative_to(colours.parent)},{p.parent.name}\n" for p in sorted(colours.rglob("*.png"))]
    manifest = colours.parent / "changing.csv"
    manifest.write_text("path,label\n" + "".join(rows))
    assert finetune("fit", manifest, "--strategy", "freeze-all", *tiny, "--out", tmp_path / "run").code == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text()) | {"state": "interrupted"}
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    manifest.write_text("path,label\n" + "".join(rows).replace("apple/0.png,apple", "apple/0.png,lime"))
    answer = finetune("fit", "--resume", tmp_path / "run")
    assert answer.code == 6
    assert "changing.csv are not those that the run" in answer.error


def test_a_place_means_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    assert from_anywhere("set") == str(tmp_path / "set")
    assert from_anywhere("hf:set") == f"hf:{tmp_path}/set"
    assert from_anywhere("hf:user/name") == "hf:user/name"
    assert from_anywhere("torchvision:MNIST") == "torchvision:MNIST"
    assert from_anywhere("torchvision:MNIST@set") == f"torchvision:MNIST@{tmp_path}/set"
    assert is_there("hf:user/name")
    assert not is_there("absent")


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("a/photos", "photos"),
        ("photos.zip", "photos"),
        ("my.photos.tar.gz", "my.photos"),
        ("photos.tgz", "photos"),
        ("set.csv", "set"),
        ("hf:user/name", "name"),
        ("hf:name:configuration", "name:configuration"),
        ("torchvision:CIFAR10@/data/root", "CIFAR10"),
    ],
)
def test_a_set_has_a_short_name(where: str, name: str) -> None:
    assert short_name(where) == name


def test_a_jobs_file_may_name_sets(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    path = tmp_path / "jobs.yaml"
    path.write_text(
        "jobs:\n"
        "  - {name: a, data: 'torchvision:MNIST'}\n"
        "  - {name: b, data: 'hf:set'}\n"
        "  - {name: c, data: set.csv}\n"
    )
    found = {job.name: job.data for job in read_jobs(path)}
    assert found == {
        "a": "torchvision:MNIST",
        "b": f"hf:{tmp_path}/set",
        "c": str(tmp_path / "set.csv"),
    }


def test_a_batch_knows_what_is_left_to_do_on_every_kind(kinds: dict[str, str], tmp_path: Path) -> None:
    jobs = [Job(name, where) for name, where in kinds.items()]
    tasks = plan(jobs, BatchFolder(tmp_path), retry_failed=True, max_minutes=None, offline=True)
    assert [(task.action, task.data) for task in tasks] == [("start", where) for where in kinds.values()]


def test_a_project_of_the_page_takes_what_is_uploaded(kinds: dict[str, str], tmp_path: Path) -> None:
    import shutil

    from finetune.data.sources import open_source
    from finetune.service.projects import new_project

    for kind in ("tar", "npz", "parquet"):
        upload = Path(shutil.copy(kinds[kind], tmp_path))
        project = new_project(tmp_path / "home", upload=upload)
        assert len(open_source(project.data).images) == 42
