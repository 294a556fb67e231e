"""Draw ``augmentation.jpg``, the sheet of `finetune augment` on the sample fruit under the policy ``strong``, mixed.

``python docs/draw_augmentation.py [FILE [FRUIT]]``; without a file it goes where the page shows it. FRUIT is a folder
that ``finetune samples fruit`` has written; without one it is drawn anew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from finetune import cli
from finetune.data.samples import write_sample

PICTURE = Path(__file__).resolve().parent / "augmentation.jpg"
WIDTH_PX = 800
QUALITY = 85


def main() -> None:
    """Write the sample, draw the sheet, make it small."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    with tempfile.TemporaryDirectory() as folder:
        photos = sys.argv[2] if len(sys.argv) > 2 else write_sample("fruit", Path(folder) / "photos", seed=0)
        command = [
            "augment",
            str(photos),
            "--augment",
            "strong",
            "--vflip",
            "--mixup",
            "0.4",
            "--cutmix",
            "1",
            "--preview",
            f"{folder}/sheet.png",
        ]
        if cli.run(command) != 0:
            sys.exit("the sheet could not be drawn")
        with Image.open(f"{folder}/sheet.png") as sheet:
            small = sheet.resize((WIDTH_PX, sheet.height * WIDTH_PX // sheet.width), Image.Resampling.LANCZOS)
    small.save(target, quality=QUALITY)


if __name__ == "__main__":
    main()
