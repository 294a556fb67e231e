"""One timed look at a data set in a process of its own: ``timed.py DATA INDEX`` prints seconds and memory as JSON.

Memory is the high-water mark of this process; those that decode hold one image at a time.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from finetune.data.health import inspect_source
from finetune.data.sources import open_source


def peak_mib() -> float:
    """Return the high-water mark of this program; `resource` would count what its parent had before it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    begun = time.perf_counter()
    source = open_source(sys.argv[1])
    opened = time.perf_counter()
    report = inspect_source(source, index=Path(sys.argv[2]))
    ended = time.perf_counter()
    told = {
        "images": len(source.images),
        "readable": len(report.images),
        "open_s": round(opened - begun, 3),
        "inspect_s": round(ended - opened, 3),
        "peak_mib": round(peak_mib(), 1),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
