"""A jobs file gives the jobs it describes, and whatever is wrong in it is told in one sentence."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from finetune.batch.job import Job, check_jobs
from finetune.batch.jobs_file import read_jobs
from finetune.errors import OptionError
from finetune.recipe import Recipe


def written(folder: Path, text: str) -> Path:
    path = folder / "night.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_jobs_in_a_list_keep_their_order_names_and_recipes(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("strategy: partial\nepochs: 3\n")
    text = """
    jobs:
      - {name: b, data: bees.zip, recipe: {strategy: freeze-all, image_size: 96}}
      - {name: a, data: /far/away, recipe: own.yaml}
      - {name: c, data: 'sample:fruit'}
    """
    first, second, third = read_jobs(written(tmp_path, text))
    assert (first.name, first.data) == ("b", str(tmp_path / "bees.zip"))
    assert first.recipe == Recipe(strategy="freeze-all", image_size=96)
    assert (second.data, second.recipe) == ("/far/away", Recipe(strategy="partial", epochs=3))
    assert (third.data, third.sample, third.recipe) == ("sample:fruit", "fruit", Recipe())
    assert first.cell is second.cell is third.cell is None


def test_a_weights_file_is_relative_to_the_jobs_file_too(tmp_path: Path) -> None:
    recipe = "{strategy: partial, backbone: resnet18, weights: w/own.safetensors}"
    (job,) = read_jobs(written(tmp_path, f"jobs: [{{name: a, data: d, recipe: {recipe}}}]"))
    assert job.recipe.weights == str(tmp_path / "w" / "own.safetensors")


def test_both_forms_may_be_in_one_file(tmp_path: Path) -> None:
    text = "data: {x: x.zip}\nrecipes: {head: {strategy: freeze-all}}\njobs: [{name: y, data: y.zip}]"
    assert [job.name for job in read_jobs(written(tmp_path, text))] == ["x-head", "y"]


words = some.text("abcdefghijklmnopqrstuvwxyz0123456789äöü猫_", min_size=1, max_size=8)
few = some.lists(words, min_size=1, max_size=5, unique_by=str.casefold)


@given(sets=few, recipes=few)
def test_every_data_set_meets_every_recipe_once(
    tmp_path_factory: pytest.TempPathFactory, sets: list[str], recipes: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("product")
    fields = {
        "data": {name: f"{name}.zip" for name in sets},
        "recipes": {name: {"seed": n} for n, name in enumerate(recipes)},
    }
    jobs = read_jobs(written(folder, yaml.safe_dump(fields, allow_unicode=True, sort_keys=False)))
    assert [job.cell for job in jobs] == [(data, recipe) for data in sets for recipe in recipes]
    for job in jobs:
        assert job.cell is not None
        assert job.name == "-".join(job.cell)
        assert job.data == str(folder / f"{job.cell[0]}.zip")
        assert job.recipe.seed == recipes.index(job.cell[1])


@given(some.text(max_size=120))
def test_a_name_is_refused_or_makes_a_folder_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    root = tmp_path_factory.mktemp("names")
    try:
        Job(name, "data")
    except OptionError:
        return
    (root / f"{name}-99").mkdir()
    assert [path.name for path in root.iterdir()] == [f"{name}-99"]


@given(some.lists(some.sampled_from(["a", "A", "b", "c-1", "C-1", "d"]), min_size=1, max_size=5))
def test_jobs_are_refused_exactly_when_two_names_are_one_but_for_case(names: list[str]) -> None:
    jobs = [Job(name, "data") for name in names]
    if len({name.lower() for name in names}) == len(names):
        check_jobs(jobs)
    else:
        with pytest.raises(OptionError, match=r"two jobs are named '|differ in case alone"):
            check_jobs(jobs)


JOB = "{name: a, data: d}"
BAD = {
    "": "the file is empty; write jobs",
    "[1, 2]": r"the file holds \[1, 2\], not `key: value` lines",
    "jobs: []": "there are no jobs; add one",
    "jobs: {a: b}": "jobs is {'a': 'b'}, not a list; begin each job with a dash",
    "jobs: [a]": "job 1 holds 'a', not `key: value` lines",
    f"job: [{JOB}]": "unknown key 'job'; the keys are jobs, data, recipes; did you mean 'jobs'",
    "jobs: [{name: a, data: d, recpie: {}}]": "job 1 has an unknown key 'recpie'.*did you mean 'recipe'",
    f"jobs: [{JOB}, {{data: d}}]": "job 2 has no name; add one",
    "jobs: [{name: a}]": "job 1 has no data; add one",
    f"jobs: [{JOB}, {JOB}]": "two jobs are named 'a'; give each a name of its own",
    f"jobs: [{JOB}, {{name: A, data: d}}]": "the jobs 'a' and 'A' differ in case alone.*rename one",
    "data: {x: x}\nrecipes: {y: {}}\njobs: [{name: x-y, data: d}]": "two jobs are named 'x-y'",
    "data: {x: 1.zip, x: 2.zip}\nrecipes: {y: {}}": "'x' is there twice, again in line 1; leave one out or",
    "data: {x: x.zip}": "there are data, but no recipes to combine them with; add `recipes:`",
    "recipes: {x: {}}": "there are recipes, but no data to combine them with; add `data:`",
    "data: {}\nrecipes: {y: {}}": "there are no jobs",
    "data: x.zip\nrecipes: {y: {}}": "data holds 'x.zip', not `key: value` lines",
    "jobs: [{name: 1, data: d}]": "the name 1 is no text; put it in quotes",
    "data: {2024: x}\nrecipes: {y: {}}": "the name 2024 is no text; put it in quotes",
    "jobs: [{name: a/b, data: d}]": "the name 'a/b' holds '/'; it becomes a folder's name",
    "jobs: [{name: .., data: d}]": "the name '..' begins with a dot",
    "jobs: [{name: '', data: d}]": "the name '' is empty",
    "jobs: [{name: nul, data: d}]": "the name 'nul' is a device's on Windows",
    f"jobs: [{{name: {'x' * 101}, data: d}}]": "has more than 100 characters",
    "jobs: [{name: a, data: 3}]": "job 'a': data is 3; give a folder, a zip or sample:digits",
    "jobs: [{name: a, data: }]": "job 'a': data is None; give a folder",
    "jobs: [{name: a, data: 'sample:friut'}]": "job 'a': no sample set is called 'friut'; did you mean 'fruit'",
    "jobs: [{name: a, data: d, recipe: 3}]": "job 'a': the recipe is 3; write its settings",
    "jobs: [{name: a, data: d, recipe: none.yaml}]": "job 'a': cannot read the recipe .*none.yaml: No such file",
    "jobs: [{name: a, data: d, recipe: {epoch: 3}}]": "job 'a': unknown setting 'epoch'.*did you mean 'epochs'",
    "jobs: [{name: a, data: d, recipe: {strategy: freeze-all, epochs: 3}}]": "job 'a': --epochs has no effect",
    "data: {x: x}\nrecipes: {y: {seed: -1}}": "job 'x-y': --seed is -1",
    "jobs: [": "not valid YAML .*line 1.*; mend the file",
    "jobs: !!python/object/apply:os.getcwd []": "not valid YAML .*could not determine a constructor",
    "jobs: " + "[" * 5000: "not valid YAML",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(OptionError, match=BAD[text]) as caught:
        read_jobs(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"cannot read the jobs file .*none.yaml: No such file.*; check the path"
    ):
        read_jobs(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"jobs: [\xe4]")
    with pytest.raises(OptionError, match=r"latin.yaml is no UTF-8 text; save it as UTF-8"):
        read_jobs(tmp_path / "latin.yaml")
