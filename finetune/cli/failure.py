"""From an error to the one sentence and the exit code that leave the program."""

from __future__ import annotations

import sys

import typer

from finetune import failure
from finetune.errors import OptionError, nearest


def fail(sentence: str, code: int) -> int:
    """Print the error and return its exit code."""
    print(f"error: {sentence}", file=sys.stderr)
    return code


def explain(error: Exception) -> tuple[str, int]:
    """Return the sentence and the exit code of an error, the option parser's own included."""
    if isinstance(error, typer.TyperException):
        return _usage_sentence(error), OptionError.exit_code
    return failure.explain(error)


def _usage_sentence(error: typer.TyperException) -> str:
    """Return what the option parser complained about, naming the option, with the nearest known name."""
    text = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path if context else 'finetune'} --help`"
    if text.startswith("No such command"):
        wrong = text.split("'")[1]
        known = getattr(context.command, "commands", ()) if context else ()
        return f"no such command: {wrong}; {hint}{nearest(wrong, known)}"
    if option := getattr(error, "option_name", None):
        known = [name for parameter in context.command.params for name in parameter.opts] if context else []
        # Dashes would make all options alike.
        bare = [] if option in known else [name.lstrip("-") for name in known if name.startswith("--")]
        close = nearest(option.lstrip("-"), bare).replace("'", "'--", 1)
        return f"{error.message[0].lower()}{error.message[1:].rstrip('.')}; {hint}{close}"
    return f"{text[0].lower()}{text[1:]}; {hint}"
