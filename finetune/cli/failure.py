"""From an error to the one sentence and the exit code that leave the program."""

from __future__ import annotations

import re
import sys

import typer

from finetune.errors import FinetuneError, OptionError, ResourceError, nearest

# torch raises a plain RuntimeError where memory runs out, in these words.
_MEMORY_WORDS = re.compile("out of memory|not enough memory|can't allocate memory", re.IGNORECASE)


def fail(sentence: str, code: int) -> int:
    """Print the error and return its exit code."""
    print(f"error: {sentence}", file=sys.stderr)
    return code


def explain(error: Exception) -> tuple[str, int]:
    """Return the sentence and the exit code of an error."""
    if isinstance(error, FinetuneError):
        return str(error), error.exit_code
    if isinstance(error, typer.TyperException):
        return _usage_sentence(error), OptionError.exit_code
    if isinstance(error, MemoryError) or _MEMORY_WORDS.search(str(error)):
        return "out of memory; use a smaller --batch-size or --image-size", ResourceError.exit_code
    if isinstance(error, OSError):
        what, where = error.strerror or str(error), error.filename or "the disk"
        return f"{what}: {where}; free some space or check the path", ResourceError.exit_code
    return (
        f"{type(error).__name__}: {error}; this is a fault of the program, please report it with what --debug adds",
        FinetuneError.exit_code,
    )


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
