"""The command about answers: why a classifier gave them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.cli.options import BundleArgument, JsonOption, OfflineOption, QuietOption, show
from finetune.errors import DataError, ImageError, ResourceError
from finetune.progress import Advance
from finetune.terminal import TerminalReporter

if TYPE_CHECKING:
    from finetune.bundle.bundle import Bundle

OUT = Path("explained")


def explain_images(
    bundle: BundleArgument,
    paths: Annotated[
        list[Path], typer.Argument(help="Images, folders or archives of them.", metavar="IMAGE...")
    ],
    method: Annotated[
        str,
        typer.Option("--method", help="auto, grad-cam or integrated-gradients.", metavar="METHOD"),
    ] = "auto",
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="Explain this class instead of the answer.", metavar="NAME"),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Where the pictures go, one an image.", metavar="FOLDER")
    ] = OUT,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw which parts of an image spoke for its answer."""
    from finetune.bundle.bundle import load_bundle
    from finetune.bundle.find_images import find_images
    from finetune.explain.explanation import choose_method, index_of

    loaded = load_bundle(bundle)
    method, _ = choose_method(loaded, method)
    if class_name is not None:
        index_of(loaded, class_name)
    reporter = TerminalReporter(quiet=quiet)
    images = find_images(paths, offline=offline, reporter=reporter)
    _make(out)
    with reporter.track("explaining") as advance:
        rows = _explain_all(loaded, images, method, class_name, out, advance)
    show(rows, "\n".join(map(_line, rows)), as_json)
    if all(row["error"] for row in rows):
        raise typer.Exit(DataError.exit_code)


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"cannot make the folder --out {out} ({error.strerror}); name another one"
        ) from None


def _explain_all(
    bundle: Bundle, images: list[Path], method: str, class_name: str | None, out: Path, advance: Advance
) -> list[dict[str, Any]]:
    """Explain and draw each image; one that cannot be read is a row with its ``error``."""
    from finetune.explain.explanation import explain_image
    from finetune.explain.picture import draw_explanation

    rows: list[dict[str, Any]] = []
    for image, name in zip(images, _names(images, method), strict=True):
        try:
            found = explain_image(bundle, image, method=method, class_name=class_name)
        except ImageError as error:
            rows.append({"path": str(image), "error": str(error).removeprefix(f"{image} ")})
        else:
            draw_explanation(found, out / name)
            rows.append({**found.to_json(), "picture": str(out / name), "error": None})
        advance(len(rows), len(images))
    return rows


def _names(images: list[Path], method: str) -> list[str]:
    """Return a file name for each picture: the image's own, numbered where two images share one."""
    times: Counter[str] = Counter()
    names = []
    for image in images:
        times[image.stem] += 1
        number = f"-{times[image.stem]}" if times[image.stem] > 1 else ""
        names.append(f"{image.stem}{number}-{method}.png")
    return names


def _line(row: dict[str, Any]) -> str:
    if row["error"]:
        return f"{row['path']}: {row['error']}"
    answer = f"{row['path']}: {row['label']} {100 * row['probability']:.1f} %"
    if row["explained"] != row["label"]:
        answer += f", explained: {row['explained']} {100 * row['explained_probability']:.1f} %"
    if row["peak"] is None:
        return f"{answer}; nothing in the image speaks for it (picture: {row['picture']})"
    x, y = row["peak"]
    return (
        f"{answer}; most at x {x:.0f}, y {y:.0f} of {row['size'][0]} x {row['size'][1]} px: {row['picture']}"
    )
