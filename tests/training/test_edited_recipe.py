"""A recipe.yaml that somebody edited in an unfinished run's folder is told from the run's own, and is kept."""

from pathlib import Path

import pytest
from learners import Heard, journal_in, recipe_of

from finetune.recipe import Recipe
from finetune.training import journal as journal_module
from finetune.training.edited_recipe import keep_edited_recipe
from finetune.training.journal import Journal
from finetune.training.run_record import read_record

BEGAN_WITH = recipe_of(epochs=5)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = journal_in(tmp_path / "my run", BEGAN_WITH)
    made.write_recipe(BEGAN_WITH.with_changes(epochs=9))
    made.write_recipe(BEGAN_WITH)
    return made


def kept(journal: Journal) -> tuple[Path | None, list[str]]:
    heard = Heard()
    found = keep_edited_recipe(journal.folder, read_record(journal.folder.record), heard)
    return found, heard.said


def names(journal: Journal) -> list[str]:
    return sorted(path.name for path in journal.folder.path.glob("recipe*"))


def test_the_run_s_own_recipe_is_no_edit_and_one_that_is_gone_neither(journal: Journal) -> None:
    assert Recipe.read(journal.folder.recipe) == BEGAN_WITH
    assert kept(journal) == (None, [])
    journal.folder.recipe.unlink()
    assert kept(journal) == (None, [])


@pytest.mark.parametrize("edit", ["epochs: 7\n", "# mine\n", "epochs: [\n", "\xe9poque"])
def test_an_edited_text_is_kept_whole_with_one_warning(journal: Journal, edit: str) -> None:
    recipe = journal.folder.recipe
    text = recipe.read_bytes() + edit.encode("latin-1")
    recipe.write_bytes(text)
    found, said = kept(journal)
    assert found == recipe.with_name("recipe.edited.yaml")
    assert found.read_bytes() == text
    assert said == [
        f"warning: {recipe} was edited, but the run goes on with the recipe that it began with; the edited one is "
        f"kept, to train with it start a new run: finetune fit {read_record(journal.folder.record).data} "
        f"--recipe '{found}'"
    ]


def test_each_edit_is_kept_once(journal: Journal) -> None:
    for text, expected in (("seed: 1\n", ""), ("seed: 2\n", "-2"), ("seed: 1\n", ""), ("seed: 3\n", "-3")):
        journal.folder.recipe.write_text(text)
        found, said = kept(journal)
        assert found is not None
        assert (found.name, len(said)) == (f"recipe.edited{expected}.yaml", 1)
        assert found.read_text() == text
    assert names(journal) == [
        "recipe.edited-2.yaml",
        "recipe.edited-3.yaml",
        "recipe.edited.yaml",
        "recipe.yaml",
    ]


def test_a_kill_between_the_record_and_the_text_is_no_edit(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(journal_module, "write_text", killed)
        for epochs in (3, 4):
            with pytest.raises(KeyboardInterrupt):
                journal.write_recipe(BEGAN_WITH.with_changes(epochs=epochs))
    assert read_record(journal.folder.record).goes_on_with.epochs == 4
    assert Recipe.read(journal.folder.recipe).epochs == 5
    assert kept(journal) == (None, [])


def test_the_record_of_an_older_version_tells_an_edit_by_what_it_says(journal: Journal) -> None:
    journal.update(recipe_hashes=())
    journal.folder.recipe.write_text(f"# as it was\n{BEGAN_WITH.to_yaml()}")
    assert kept(journal) == (None, [])
    for text in (f"{BEGAN_WITH.to_yaml()}patience: 2\n", "epochs: ["):
        journal.folder.recipe.write_text(text)
        assert kept(journal)[0] is not None
