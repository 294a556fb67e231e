"""Write the health report's page to a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.errors import OptionError

if TYPE_CHECKING:
    from finetune.data.health import HealthReport


def refuse_impossible(path: Path) -> None:
    """Raise OptionError, before anything is measured, where no page can be written to ``path``."""
    if path.is_dir():
        raise OptionError(f"--html {path} is a folder; give the page a file name such as {path}/health.html")
    if not path.absolute().parent.is_dir():
        raise OptionError(
            f"--html {path} lies in no folder that exists; make the folder, or choose another path"
        )


def write_page(path: Path, report: HealthReport, values: Mapping[str, Any]) -> None:
    """Write the page on ``report`` to ``path``; ``values`` are its JSON, with the backbone's channels.

    Raises OptionError when it cannot be written.
    """
    from finetune.data.health.thumbnails import class_thumbnails, finding_thumbnails
    from ui.web.health_report import report_html

    page = report_html(
        report.where,
        {**values, "n_images": len(report.images)},
        thumbnails=class_thumbnails(report.images),
        pictures=finding_thumbnails(report),
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OptionError(f"cannot write --html {path}: {error.strerror}; choose another path") from None
