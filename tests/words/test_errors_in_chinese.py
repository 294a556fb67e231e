"""Whatever an error says, the Chinese page says in Chinese, with all that was put into it; no form is left over."""

import ast
import re
from pathlib import Path

import pytest
from raised import Example, problems, raised, refused_by_recipes, said, trees

from finetune.data.archive_names import _NAME_RULES, refusal
from finetune.data.images import _LOOKS_LIKE
from finetune.errors import OptionError
from finetune.failure import explain
from finetune.recipe import Recipe
from finetune.service.api.bodies import TOO_SLOW, too_large
from finetune.service.engine.supervisor import CANCELLED
from finetune.words import sentences
from finetune.words.chinese_errors import ERRORS, PARTS
from finetune.words.forms import Form, _Words
from ui.chinese import in_chinese

ENGLISH = {
    "finetune/advice/augmented_views.py": "the probe of augmentations is asked for on the command line",
    "finetune/batch/": "the command batch",
    "finetune/bundle/evaluate.py": "the command evaluate",
    "finetune/bundle/find_images.py": "the command predict",
    "finetune/bundle/push.py": "the command push",
    "finetune/cli/": "commands",
    "finetune/client/": "programs that ask the HTTP API",
    "finetune/data/kinds/hub_sets.py": "hf: is named on the command line and by the API; the page takes files",
    "finetune/data/kinds/torchvision_sets.py": "torchvision: likewise",
    "finetune/data/kinds/written.py": "sets of both kinds",
    "finetune/known/conformal.py": "--coverage of the commands predict and evaluate",
    "finetune/model/file_hash.py": "a file of weights of one's own, which the page does not take",
    "finetune/model/pickled.py": "likewise",
    "finetune/prediction/": "the command predict and the API's batches",
    "finetune/recipe/plain_values.py": "recipe files",
    "finetune/recipe/strict_yaml.py": "recipe files and lists of jobs",
    "finetune/service/api/": "the HTTP API, which is English",
    "finetune/service/backup.py": "the command backup",
    "finetune/service/engine/supervisor.py": "the start of a server, before there is a page",
    "finetune/service/models.py": "the HTTP API",
    "finetune/service/passwords.py": "the command user; the page only checks passwords",
    "finetune/service/predict_work.py": "the HTTP API",
    "finetune/service/serving.py": "the HTTP API",
    "finetune/service/tokens.py": "the command token",
    "finetune/service/users.py": "the command user",
    "finetune/training/race.py": "--race of the command line",
    "ui/app.py": "the start of a server, before there is a page",
    "ui/served.py": "likewise",
    "ui/square_picture.py": "--square of the command advise",
}
"""What stays English, by the module or folder, and why it never reaches the page."""
SAID_ENGLISH = {
    **ENGLISH,
    "finetune/cli/": "commands",
    "ui/chinese.py": "hands on what is Chinese already",
    "finetune/training/setup.py": "what was kept of an advice, which is said in its own language",
    "finetune/bundle/evaluate.py": "the command evaluate",
}
FAULTS = (
    MemoryError(),
    OSError(28, "No space left on device", "a.png"),
    KeyError("x"),
    OSError(40, "Loop", "a/b"),
)
CHINESE = re.compile("[\u4e00-\u9fff]")
WORDS_IN_A_ROW = re.compile(r"\b[a-z]{3,} [a-z]{2,}\b")
"""English that is left; commands and names stay, and lists of names, which are made up here."""
OUTSIDE = re.compile(r"`[^`]*`|--?[a-z-]+|finetune fit|pip install [\w-]+|made\d+up (?:and|or) made\d+up")


def on_the_page(examples: list[Example], english: dict[str, str]) -> list[Example]:
    return [example for example in examples if not example.module.startswith(tuple(english))]


def by_the_code() -> list[str]:
    """Sentences that the code itself makes of tables and of others' words."""
    archives = [str(refusal(Path("my photos.zip"), "odd/a b.png", why)) for _, why in _NAME_RULES]
    twice = "is there twice (upper and lower case count as the same)"
    archives += [str(refusal(Path("a.zip"), "b", why)) for why in (twice, "is both a file and a folder")]
    images = [f"a b.png {why}" for _, _, why in _LOOKS_LIKE]
    full = "cannot write a.pt ([Errno 28] No space left on device: 'a.pt'); free some space"
    recipes: list[dict[str, object]] = [
        {"lr": "x"}, {"lr": -1}, {"epochs": 1.5}, {"epochs": "x"}, {"dropout": 2}, {"batch_norm": "odd"},
        {"nothing": 1}, {"lr": float("inf")}, {"val_share": 1}, {"val_share": -0.1}, {"epochs": 0}, {"ema": 1},
    ]  # fmt: skip
    others = [too_large(10**9).detail, TOO_SLOW, full, *(explain(error)[0] for error in FAULTS)]
    ends = [
        "interrupted before anything was begun",
        CANCELLED,
        "the process was killed, as happens when memory runs out; use a smaller --image-size or --batch-size, or "
        "start it again",
        "given up after 3 ends without progress: the process ended without a word (the computer or the page may have "
        "been restarted); start it again",
    ]
    return [*archives, *images, *map(refused, recipes), *others, *ends, *titles()]


def titles() -> list[str]:
    """What is counted on the way, where the code names it."""
    calls = (node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "track" and call.args
        if isinstance(call.args[0], ast.Constant)
    )
    return sorted({title for title in named if isinstance(title, str)})


def refused(fields: dict[str, object]) -> str:
    with pytest.raises(OptionError) as caught:
        Recipe.make(**fields)
    return str(caught.value)


RAISED = on_the_page([*raised(), *refused_by_recipes(), *problems()], ENGLISH)
SAID = on_the_page(said(), SAID_ENGLISH)
MADE = by_the_code()


def places(text: str) -> list[str]:
    return sorted(set(re.findall(r"\{(\d*)\}", text)))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__.rpartition(".")[2])
def test_every_form_has_its_chinese_with_the_same_places(part: object) -> None:
    for english, chinese in part.WORDS.items():  # type: ignore[attr-defined]
        n = english.count("{}")
        assert chinese.count("{}") == n or places(chinese) == sorted(map(str, range(n))), english
        assert CHINESE.search(chinese) or not CHINESE.search(english.replace("{}", "")), english
    assert len(ERRORS) == sum(len(each.WORDS) for each in PARTS), "a form is given twice"


def test_every_error_that_can_reach_the_page_has_its_chinese_with_all_that_it_names() -> None:
    assert len(RAISED) > 400
    wrong = [told for example in RAISED if (told := fault(example.text, example.values, example))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", MADE)
def test_what_is_made_of_tables_and_of_others_words_is_chinese_too(text: str) -> None:
    assert fault(text, (), None) is None, in_chinese(text)


def test_what_work_says_on_the_way_is_chinese() -> None:
    assert len(SAID) > 70
    wrong = []
    for example in SAID:
        numbers = example.text
        for value in example.values:  # some forms want numbers
            numbers = numbers.replace(value, re.sub(r"\D", "", value))
        if all(fault(text, (), example) for text in (example.text, numbers)) and letters(example):
            wrong.append(f"{example.module}:{example.line}: {example.text}")
    assert not wrong, "\n".join(wrong)


def letters(example: Example) -> bool:
    """Whether the sentence has words of its own, besides what it begins with."""
    rest = example.text.removeprefix("warning: ").removeprefix("note: ")
    for value in example.values:
        rest = rest.replace(value, "")
    return bool(re.search("[a-z]{3}", rest.replace("see `finetune inspect`", "")))


def fault(text: str, values: tuple[str, ...], example: Example | None) -> str | None:
    """What is wrong with the Chinese of a sentence."""
    where = "" if example is None else f"{example.module}:{example.line}: "
    told = in_chinese(text)
    if not CHINESE.search(told) or WORDS_IN_A_ROW.search(OUTSIDE.sub("", told)):
        return f"{where}no Chinese for {text!r}: {told!r}"
    lost = [value for value in values if value not in told]
    return f"{where}{told!r} has lost {lost} of {text!r}" if lost else None


def test_what_stays_english_is_there() -> None:
    names = list(trees())
    assert all(any(name.startswith(module) for name in names) for module in {**ENGLISH, **SAID_ENGLISH})


def test_no_form_is_left_over() -> None:
    """Each says a sentence, or part of one, that the code makes or holds."""
    texts = [*(example.text for example in [*raised(), *refused_by_recipes(), *problems(), *said()]), *MADE]
    held = "\n".join([*texts, *literals()])
    odd = [
        english
        for english in ERRORS
        if not any(Form(english, "").read(text) for text in texts)
        and not all(words.strip(" …;,:()") in held for words in re.split("{}|‹[^›]*›", english))
    ]
    assert not odd


def literals() -> list[str]:
    found = (
        node.value for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.Constant)
    )
    return [value for value in found if isinstance(value, str)]


def test_the_form_that_says_most_of_a_sentence_holds() -> None:
    said = sentences().said
    assert said("a b.zip is damaged: an entry runs into its own directory; get the file again").startswith(
        "a b.zip 已"
    )
    assert said("'x' in my photos.zip has a backslash in its name; make the archive again without that") == (
        "my photos.zip 中的 'x' 名称含有反斜杠；请去掉它后重新打包"
    )


def test_sentences_that_are_joined_and_those_within_others_are_chinese() -> None:
    said = sentences().said
    assert (
        said("a.png is empty (0 bytes); c.png is not an image") == "a.png 是空文件（0 字节）；c.png 不是图像"
    )
    assert said(
        "unknown backbone 'resnet81', `finetune backbones` lists the tested ones; did you mean 'resnet18'?"
    ) == ("未知的骨干网络“resnet81”；`finetune backbones` 会列出经过测试的网络；您是指“resnet18”吗？")
    assert said(
        "none of the 2 images can be read: a.png is empty (0 bytes); check them with `finetune inspect`"
    ) == ("2 张图像全都无法读取：a.png 是空文件（0 字节）；请用 `finetune inspect` 检查")
    assert (
        said("cannot list d: Permission denied; check its permissions")
        == "无法列出 d：没有权限；请检查其权限"
    )


def test_what_is_not_known_stays_as_it_is() -> None:
    for text in ("", "daisy", "some; other; sentence", "a; " * 40, "{} {0} {x}", "第 3 轮"):
        assert sentences().said(text) == text


def test_no_name_makes_a_sentence_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: a name that repeats a form's words is walked over once, not tried in every way."""
    walks = 0
    between = _Words.between

    def counted(words: _Words, text: str) -> tuple[str, ...] | None:
        nonlocal walks
        walks += 1
        return between(words, text)

    monkeypatch.setattr(_Words, "between", counted)
    name = " in has the '" * 80 + "' in row 1 and '" * 80
    told = sentences().said(f"{name} in a.csv has the label 'x' in row 1 and 'y' in row 2; keep one of them")
    assert told.endswith("请只保留一个")
    assert walks < 20 * len(ERRORS)
