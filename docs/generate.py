"""Write the docs that come from docstrings: ``strategies.md`` and ``errors.md``. A test holds them current."""

from __future__ import annotations

import inspect
from pathlib import Path

from finetune import errors
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
            f"| {errors.INTERRUPTED_EXIT_CODE} | | Any other work was interrupted by Ctrl-C or SIGTERM; what was finished is kept. |",
            "",
        ]
    )


def main() -> None:
    """Write both pages."""
    (DOCS / "strategies.md").write_text(strategies_page(), encoding="utf-8")
    (DOCS / "errors.md").write_text(errors_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
