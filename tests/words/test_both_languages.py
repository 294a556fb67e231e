"""Whatever the page says it can say in Chinese, with the same things put into it, and nothing is translated twice."""

import ast
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune.recipe.fields import GROUPS, entry
from finetune.words import language, noted, speaking, t
from finetune.words.chinese import CHINESE, PARTS
from strategies import STRATEGIES
from ui.option_names import label_of

ROOT = Path(__file__).parents[2]
SAYING = ("t", "noted")


def said_in(path: Path) -> Iterator[tuple[int, ast.expr]]:
    """What is handed to `t` and `noted` in a file, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
            yield node.lineno, node.args[0]


def literal(node: ast.expr) -> str | None:
    """The text of a literal, a `Markup` of one included."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Markup":
        node = node.args[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def sentences() -> dict[str, str]:
    """Every sentence that is said, with where."""
    files = [path for folder in ("ui", "finetune") for path in sorted((ROOT / folder).rglob("*.py"))]
    said = {
        text: f"{path.relative_to(ROOT)}:{line}"
        for path in files
        for line, node in said_in(path)
        if (text := literal(node)) is not None
    }
    return {**said, **said_by_recipes()}


def said_by_recipes() -> dict[str, str]:
    """What the expert's fold takes from the declarations of recipes and strategies."""
    said = dict.fromkeys(GROUPS, "the groups of a recipe's fields")
    for name in (name for fields in GROUPS.values() for name in fields):
        said |= {entry(name).description: f"the recipe's {name}", label_of(name): f"the name of {name}"}
    for name, kind in STRATEGIES.items():
        words = kind.option_words()
        said |= {kind.summary: name} | {text: f"{name}'s {option}" for option, text in words.items()}
        said |= {label_of(option): f"the name of {option}" for option in words}
    return said


def placeholders(text: str) -> Counter[str]:
    """What is put into a sentence: by name, and how many in a row; formats may differ."""
    return Counter(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


SENTENCES = sentences()


@pytest.mark.parametrize("english", SENTENCES, ids=lambda text: text[:40])
def test_every_sentence_has_its_chinese_with_the_same_placeholders(english: str) -> None:
    assert english in CHINESE, f"{SENTENCES[english]} says a sentence without Chinese: {english!r}"
    names, said = placeholders(english), placeholders(CHINESE[english])
    # "{}" counts by its place; a Chinese sentence that needs another order numbers them.
    if set(said) <= set(map(str, range(sum(names.values())))) and set(names) == {""}:
        assert len(said) == sum(names.values()), CHINESE[english]
    else:
        assert said == names, CHINESE[english]


def test_no_chinese_is_left_over_and_none_is_given_twice() -> None:
    assert set(CHINESE) <= set(SENTENCES)
    assert len(CHINESE) == sum(len(part.WORDS) for part in PARTS)


def test_no_sentence_is_put_together_before_it_is_said() -> None:
    files = [path for folder in ("ui", "finetune") for path in (ROOT / folder).rglob("*.py")]
    made = [
        f"{path}:{line}"
        for path in files
        for line, node in said_in(path)
        if isinstance(node, (ast.JoinedStr, ast.BinOp))
        or (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
        )
    ]
    assert not made


def test_what_is_spoken_holds_within_and_ends() -> None:
    assert t("Data") == noted("Data") == "Data"
    with speaking("zh"):
        assert (language(), t("Data")) == ("zh", "数据")
        with speaking("en"):
            assert t("Data") == "Data"
        assert t("no such sentence") == "no such sentence"
    assert language() == "en"
