"""The main job on two sample sets, with the ImageNet weights that come with the installation; no network.

Each step is a command that you can type yourself. Everything is written below ``demo/``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

DEMO = Path("demo")
BACKBONE = ("--backbone", "tf_efficientnet_lite0", "--weights", "packaged", "--offline")
# Small inputs and a minute of training keep the demonstration short; leave both away for the best accuracy.
SETS = {"fruit": ("--image-size", "160"), "digits": ("--image-size", "64")}


def finetune(*arguments: str) -> None:
    """Show a command and run it; its failure ends the demonstration."""
    print(f"\n$ finetune {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "finetune", *arguments], check=True)


def newest_run(name: str) -> Path:
    """Return the newest run folder of a sample set."""
    return max((DEMO / "runs").glob(f"{name}-*"), key=lambda path: path.stat().st_mtime)


def main() -> None:
    """Write, inspect and advise on both sets, fine-tune on each, and classify a few images."""
    started = time.perf_counter()
    for name, options in SETS.items():
        images = DEMO / name
        if not images.exists():
            finetune("samples", name, str(images))
        finetune("inspect", str(images), "--quiet")
        finetune("advise", str(images), *BACKBONE, *options, "--quiet")
        run = DEMO / "runs" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
        finetune("fit", str(images), *BACKBONE, *options, "--max-minutes", "1", "--out", str(run))
    run = newest_run("fruit")
    some = sorted((DEMO / "fruit").glob("*/*"))[::97][:5]
    finetune("predict", str(run), *map(str, some))
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    print(
        f"\nDone in {time.perf_counter() - started:.0f} s. Accuracy on fruit: {100 * report['accuracy']:.1f} %.\n"
        f"Report: {run / 'report.json'}\nPictures: {run / 'curves.png'}, {run / 'confusion.png'}"
    )


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
