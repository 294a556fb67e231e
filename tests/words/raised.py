"""The sentences that the code raises and says, as examples: found by `ast`, with made-up values in their places."""

from __future__ import annotations

import ast
import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("finetune", "strategies", "ui")
ROOT_ERROR = "FinetuneError"
MOST = 24
"""Variants of one sentence: each `a if b else c` in it doubles them."""
DEEPEST = 4
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Example:
    """A sentence with made-up ``values``, and the ``module`` and line that make it."""

    text: str
    values: tuple[str, ...]
    module: str
    line: int


@functools.cache
def trees() -> dict[str, ast.Module]:
    """Every module's syntax, by its path."""
    files = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@functools.cache
def family() -> frozenset[str]:
    """The names of all errors that a user can meet."""
    found = {ROOT_ERROR}
    classes = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in range(4):
        found |= {each.name for each in classes if any(_called(base) in found for base in each.bases)}
    return frozenset(found)


def raised() -> list[Example]:
    """An example of every sentence that is handed to an error; of sentences made of others alone there are none."""
    return [
        example
        for module, tree in trees().items()
        for node, within in _calls(tree)
        if _called(node.func) in family() and node.args
        for example in _examples(node.args[0], module, within)
    ]


def problems() -> list[Example]:
    """An example of every answer that stands in for one of the page's own, such as to an upload."""
    return [
        example
        for module, tree in trees().items()
        if module.startswith("ui/") and module != "ui/run_addresses.py"
        for node, within in _calls(tree)
        if _called(node.func) == "said_at"
        for example in _examples(node.args[1], module, within)
    ]


def refused_by_recipes() -> list[Example]:
    """An example of every sentence of a recipe's own checks, which become an OptionError's."""
    found = []
    for module, tree in trees().items():
        if not module.startswith(("finetune/recipe/", "finetune/data/group_rule", "strategies/")):
            continue
        for node, within in _calls(tree):
            if _called(node.func) in ("ValueError", "TypeError") and node.args:
                found += _examples(node.args[0], module, within)
            elif _called(node.func) == "Rule" and isinstance(node.args[1], ast.Lambda):
                found += _examples(node.args[1].body, module, within)
            elif _called(node.func) == "_needs":
                flag, needed = (literal.value for literal in (node.args[0], node.args[2]))  # type: ignore[attr-defined]
                text = f"--{flag.replace('_', '-')} has no effect without {needed}; add that, or leave it out"
                found.append(Example(text, (), module, node.lineno))
    return found


def said() -> list[Example]:
    """An example of every sentence and title that is handed to a reporter."""
    return [
        example
        for module, tree in trees().items()
        for node, within in _calls(tree)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("say", "track") and node.args
        for example in _examples(node.args[0], module, within)
    ]


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Every call with the function around it."""
    waiting: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while waiting:
        node, within = waiting.pop()
        if isinstance(node, ast.Call):
            yield node, within
        inner = node if isinstance(node, _FUNCTIONS) else within
        waiting += [(child, inner) for child in ast.iter_child_nodes(node)]


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _examples(node: ast.expr, module: str, within: ast.AST) -> Iterator[Example]:
    making = _Making(module)
    for text in making.texts(node, within, 0):
        values = tuple(value for value in making.values if value in text)
        rest = functools.reduce(lambda left, value: left.replace(value, ""), values, text)
        if len([letter for letter in rest if letter.isalpha()]) > 4:
            yield Example(text, values, module, node.lineno)


class _Making:
    """Makes the texts of one expression; each made-up value is another."""

    def __init__(self, module: str) -> None:
        self._module = module
        self.values: list[str] = []

    def _value(self, spec: str = "") -> str:
        number = len(self.values) + 101
        self.values.append(
            f"{number}7"
            if spec.rstrip(".0123456789")[-1:] in (*"dfgeE,",) or spec[-1:] in (*"dfge",)
            else f"made{number}up"
        )
        return self.values[-1]

    def texts(self, node: ast.expr, within: ast.AST, depth: int, spec: str = "") -> list[str]:
        """Return what ``node`` can be."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        if isinstance(node, ast.JoinedStr):
            return self._joined(node.values, within, depth)
        if isinstance(node, ast.FormattedValue):
            told = "".join(self.texts(node.format_spec, within, depth)) if node.format_spec else ""
            return self.texts(node.value, within, depth, told)
        if isinstance(node, ast.IfExp):
            branches = (node.body, node.orelse)
            return [text for part in branches for text in self.texts(part, within, depth, spec)][:MOST]
        if isinstance(node, ast.BoolOp):
            return [text for part in node.values for text in self.texts(part, within, depth, spec)][:MOST]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([node.left, node.right], within, depth)
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Mult)
            and isinstance(node.left, ast.Constant)
            and isinstance(node.left.value, str)
        ):
            return ["", node.left.value]
        if isinstance(node, ast.Name):
            return self._named(node, within, depth, spec)
        if isinstance(node, ast.Call) and depth < DEEPEST:
            return self._call(node, depth, spec)
        return [self._value(spec)]

    def _joined(self, parts: Iterable[ast.expr], within: ast.AST, depth: int) -> list[str]:
        told = [self.texts(part, within, depth) for part in parts]
        return ["".join(each) for each in itertools.islice(itertools.product(*told), MOST)]

    def _named(self, node: ast.Name, within: ast.AST, depth: int, spec: str) -> list[str]:
        """A text that the function or a module has given this name; else a value."""
        bound = [
            each.value
            for each in ast.walk(within)
            if isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
        ]
        if isinstance(within, _FUNCTIONS) and bound and depth < DEEPEST and all(map(_is_text, bound)):
            return [text for each in bound for text in self.texts(each, within, depth + 1)]
        constant = _constants().get(node.id)
        if isinstance(constant, str) and not spec:
            return [constant]
        return [self._value(spec)]

    def _call(self, node: ast.Call, depth: int, spec: str) -> list[str]:
        name = _called(node.func)
        if name == "nearest":
            return ["", f"; did you mean '{self._value()}'?"]
        if name == "amount" and isinstance(node.args[1], ast.Constant):
            noun = node.args[1].value
            return [f"1 {noun}", f"{self._value('d')} {noun}s"]
        known = _functions().get((self._module, name)) or _functions().get(("", name))
        if known is None or not isinstance(node.func, ast.Name):
            return [self._value(spec)]
        returned = [each.value for each in ast.walk(known) if isinstance(each, ast.Return) and each.value]
        return [text for each in returned for text in self.texts(each, known, depth + 1)][:MOST]


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    if isinstance(node, ast.BoolOp):
        return all(map(_is_text, node.values))
    if isinstance(node, ast.Call):
        return _called(node.func) == "nearest"
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


@functools.cache
def _functions() -> dict[tuple[str, str], ast.AST]:
    """Functions that return a text, by module and name; by the name alone where it is one module's only."""
    found: dict[tuple[str, str], ast.AST] = {}
    modules: dict[str, list[ast.AST]] = defaultdict(list)
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.returns and ast.unparse(node.returns) == "str":
                found[module, node.name] = node
                modules[node.name].append(node)
    return {**found, **{("", name): nodes[0] for name, nodes in modules.items() if len(nodes) == 1}}


@functools.cache
def _constants() -> dict[str, str]:
    """Texts that modules give a name of capitals, by the name where it is one text's only."""
    found: dict[str, set[str]] = defaultdict(set)
    for tree in trees().values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = node.value
                text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
                found[node.targets[0].id].add(text)
    return {name: next(iter(texts)) for name, texts in found.items() if len(texts) == 1 and "" not in texts}
