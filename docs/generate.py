"""Write the docs that come from docstrings and tables: the strategies, the errors, the table of augmentations.

Tests hold them current.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from finetune import errors
from finetune.data.augmentation.family import FAMILY, Augmentation, flag
from finetune.data.augmentation.policies import POLICIES
from strategies import STRATEGIES

DOCS = Path(__file__).resolve().parent


def strategies_page() -> str:
    """Return the strategy cards as Markdown."""
    parts = [
        "# The four strategies",
        "Made from the docstrings in `strategies/` by `python docs/generate.py`.",
    ]
    for name, kind in STRATEGIES.items():
        options = ", ".join(
            f"`{option}` (default {getattr(kind(), option)})" for option in kind.option_names()
        )
        parts += [f"## {name}", kind.card()]
        if options:
            parts.append(f"Options: {options}, given as `--set NAME=VALUE`.")
    return "\n\n".join(parts) + "\n"


def errors_page() -> str:
    """Return the error tree with its exit codes as Markdown."""
    rows = [
        f"| {kind.exit_code} | `{name}` | {inspect.cleandoc(kind.__doc__ or '').splitlines()[0]} |"
        for name, kind in vars(errors).items()
        if inspect.isclass(kind)
        and issubclass(kind, errors.FinetuneError)
        and kind is not errors.FinetuneError
    ]
    rows.sort()
    return "\n".join(
        [
            "# Errors and exit codes",
            "",
            "Every error is one sentence on stderr, `error: what, where, what to do`; `--debug` adds the traceback.",
            "Made from `finetune/errors.py` by `python docs/generate.py`.",
            "",
            "| exit code | error | meaning |",
            "| --- | --- | --- |",
            "| 0 | | All went well. |",
            f"| {errors.FinetuneError.exit_code} | | A fault of the program; please report it with `--debug`. |",
            *rows,
            f"| {errors.INTERRUPTED_EXIT_CODE} | | Other work was interrupted; what was finished is kept. |",
            "",
        ]
    )


def augmentations() -> str:
    """Return the family of augmentations with ranges and policies as a Markdown table."""
    shown = [policy for policy in POLICIES if policy != "none"]
    header = ["option", "what it does", "range", *(f"`{policy}`" for policy in shown)]
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for row in FAMILY.values():
        does = f"{row.does}: {row.strength}" if row.strength else row.does
        under = [_strength(row, POLICIES[policy].get(row.name)) for policy in shown]
        lines.append(
            "| " + " | ".join([f"`{flag(row.name)}`", does + " \\*" * row.turns, row.reach, *under]) + " |"
        )
    return "\n".join(lines)


def _strength(row: Augmentation, strength: float | None) -> str:
    if not strength:
        return ""
    return "yes" if row.kind == "switch" else f"{strength:g}"


def with_augmentations(page: str) -> str:
    """Return ``page`` with the table between its markers renewed."""
    before, _, rest = page.partition("<!-- family: start -->")
    _, _, after = rest.partition("<!-- family: end -->")
    return f"{before}<!-- family: start -->\n{augmentations()}\n<!-- family: end -->{after}"


def main() -> None:
    """Write the pages."""
    (DOCS / "strategies.md").write_text(strategies_page(), encoding="utf-8")
    (DOCS / "errors.md").write_text(errors_page(), encoding="utf-8")
    page = DOCS / "augmentation.md"
    page.write_text(with_augmentations(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
