"""Who may import whom, and what stays out of memory until it is needed."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import finetune

ROOT = Path(finetune.__file__).parents[1]
PACKAGES = ("finetune", "strategies", "ui")

MAY_IMPORT = {
    "strategies": set(),
    "errors": set(),
    "client": {"errors"},
    "python": set(),
    "progress": set(),
    "evaluation": {"errors"},
    "words": {"advice"},
    "page": {"words"},
    "data": {"errors", "python"},
    "terminal": {"progress"},
    "failure": {"errors"},
    "recipe": {"data", "errors", "strategies"},
    "model": {"errors", "progress", "strategies"},
    "advice": {"data", "errors", "model"},
    "cache": {"data", "errors"},
    "known": {"errors", "evaluation"},
    "bundle": {"data", "errors", "evaluation", "known", "model", "progress"},
    "explain": {"bundle", "data", "errors", "evaluation", "model"},
    "training": {
        "advice",
        "bundle",
        "cache",
        "data",
        "errors",
        "evaluation",
        "known",
        "model",
        "page",
        "progress",
        "recipe",
        "strategies",
    },
    "prediction": {"bundle", "data", "errors", "evaluation", "export", "known", "model", "progress"},
    "export": {"bundle", "data", "errors", "evaluation", "model", "progress", "training"},
    "service": {
        "advice",
        "bundle",
        "data",
        "errors",
        "evaluation",
        "explain",
        "export",
        "failure",
        "known",
        "model",
        "prediction",
        "progress",
        "python",
        "recipe",
        "strategies",
        "training",
    },
    "batch": {"data", "errors", "failure", "progress", "recipe", "service", "training"},
    "ui": {
        "advice",
        "progress",
        "batch",
        "bundle",
        "data",
        "errors",
        "evaluation",
        "model",
        "page",
        "recipe",
        "service",
        "strategies",
        "training",
        "words",
    },
}
"""Each room and the rooms it may know; the command line and the package's own names may know all."""

TOP = ("cli", "__init__", "__main__")
HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "pytorch_lightning",
    "sklearn",
    "scipy",
    "matplotlib",
    "gradio",
    "onnx",
    "onnxruntime",
)


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "finetune" else parts[0]


def imports(path: Path) -> Iterator[str]:
    """The full name of every module that the file imports from, wherever in the file."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join([*above, *filter(None, [node.module])])


def rooms_known_to(path: Path) -> set[str]:
    known = {name for name in imports(path) if name.split(".")[0] in PACKAGES}
    return {name.split(".")[1] if name.startswith("finetune.") else name.split(".")[0] for name in known}


def test_a_file_imports_only_from_the_rooms_below_its_own() -> None:
    wrong = {
        str(path.relative_to(ROOT)): unknown
        for path in sources()
        if (room := room_of(path)) not in TOP
        and (unknown := rooms_known_to(path) - MAY_IMPORT[room] - {room})
    }
    assert not wrong


def test_no_two_rooms_know_each_other() -> None:
    for room, known in MAY_IMPORT.items():
        assert all(room not in MAY_IMPORT[other] for other in known)


def test_the_strategies_import_the_standard_library_alone() -> None:
    for path in sorted((ROOT / "strategies").rglob("*.py")):
        outside = {name.split(".")[0] for name in imports(path)} - {"strategies"}
        assert outside <= set(sys.stdlib_module_names), path


def test_the_errors_import_nothing_of_the_project() -> None:
    outside = {name.split(".")[0] for name in imports(ROOT / "finetune" / "errors.py")}
    assert outside <= set(sys.stdlib_module_names)


def test_gradio_is_known_to_the_page_only_and_torch_not_to_it() -> None:
    for path in sources():
        outside = {name.split(".")[0] for name in imports(path)}
        if room_of(path) == "ui":
            assert not outside & (set(HEAVY) - {"gradio"}), path
        else:
            assert "gradio" not in outside, path


def heavy_modules_of(*arguments: str) -> set[str]:
    """The heavy packages that Python loads when it is run with these arguments."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {
        name.split(".")[0] for name in re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)
    }
    assert "re" in loaded
    return loaded & set(HEAVY)


@pytest.mark.parametrize(
    "module",
    [
        "finetune",
        "finetune.cli",
        "finetune.recipe",
        "finetune.service.service",
        "finetune.service.api.app",
        "finetune.client",
        "strategies",
        "ui.present",
        "ui.view",
        "ui.batch",
        "finetune.batch.run",
    ],
)
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    assert heavy_modules_of("-c", f"import {module}") == set()


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "inspect --help",
        "fit --help",
        "predict --help",
        "ui --help",
        "serve --help",
        "token --help",
        "user --help",
        "batch --help",
        "export --help",
        "push --help",
        "cache",
        "strategies",
        "samples",
        "backbones",
        "augment",
    ],
)
def test_a_quick_command_loads_nothing_heavy(command: str) -> None:
    assert heavy_modules_of("-m", "finetune", *command.split()) == set()


def test_the_page_loads_gradio_and_nothing_else_that_is_heavy() -> None:
    assert heavy_modules_of("-c", "import ui.page") == {"gradio"}


def test_the_test_of_lightness_can_fail() -> None:
    assert heavy_modules_of("-c", "import scipy") == {"scipy"}


def test_every_public_name_is_there_and_no_other() -> None:
    for name in finetune.__all__:
        assert getattr(finetune, name).__doc__, name
    with pytest.raises(AttributeError, match="module 'finetune' has no attribute 'train_all'"):
        finetune.train_all  # noqa: B018


def test_no_two_files_of_tests_have_one_name() -> None:
    """Pytest imports them by their names alone, and leaves out the second."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert [name for name in names if names.count(name) > 1] == []
