"""What the benchmarks share: where the data lies, what machine this is, and a file of rows that grows."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def data_set(name: str) -> Path:
    """Return the path of a shared data set; leaves with a sentence when it is absent."""
    folder = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = folder / name
    if not path.exists():
        sys.exit(f"{name} is not in {folder}; set SHARED_DATA to the folder that holds it")
    return path


def machine() -> dict[str, Any]:
    """Return what decides a timing: processor, cores, and the versions of what computes."""
    import torch

    from finetune.evaluation.report import versions

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "date": time.strftime("%Y-%m-%d"),
        **versions(),
    }


def same_kind(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether timings on two machines can be compared: a processor's name alone does not tell its kind."""
    return all(one.get(name) == other.get(name) for name in ("processor", "cores", "cpu_capability", "card"))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file, none if it does not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add one row to a JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    names = list(header)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def replace_in_readme(name: str, text: str) -> None:
    """Put ``text`` between the README's markers called ``name``."""
    replace_between(ROOT / "README.md", name, text)


def replace_between(document: Path, name: str, text: str) -> None:
    """Put ``text`` between the markers called ``name`` of a Markdown file."""
    content = document.read_text(encoding="utf-8")
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    before, _, rest = content.partition(start)
    _, _, after = rest.partition(end)
    document.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")


def resident_mib(pid: int | str = "self") -> float:
    """Return a process's resident memory, MiB; Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return round(int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024, 1)
