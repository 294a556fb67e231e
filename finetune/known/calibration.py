"""The files beside a bundle that say how far its answers can be trusted: ``calibration.json``, ``known.safetensors``.

Sections ``temperature``, ``reject`` and ``conformal``; each may be missing, and a bundle without the files has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.errors import RunError
from finetune.known.conformal import DEFAULT_COVERAGE, Conformal
from finetune.known.reject import Reject

JSON_FILE = "calibration.json"
ARRAYS_FILE = "known.safetensors"
FILES = (JSON_FILE, ARRAYS_FILE)
SCORES = "conformal"


@dataclass(frozen=True)
class Verdict:
    """Of one image: whether it is of a ``known`` kind, and the ``plausible`` classes' indices, likeliest first.

    Each is None where the bundle cannot tell.
    """

    known: bool | None
    plausible: tuple[int, ...] | None


NO_VERDICT = Verdict(None, None)


@dataclass(frozen=True)
class Calibration:
    """What was fitted after training; ``temperature`` > 0 divides the logits before softmax."""

    temperature: float = 1.0
    reject: Reject | None = None
    conformal: Conformal | None = None

    @property
    def can_judge(self) -> bool:
        """Whether `judge` says anything."""
        return self.reject is not None or self.conformal is not None

    def judge(
        self,
        logits: NDArray[np.float32],
        features: NDArray[np.float32],
        *,
        coverage: float = DEFAULT_COVERAGE,
    ) -> list[Verdict]:
        """Return a verdict for each of n images with n x K ``logits`` and n x d ``features``."""
        known = None if self.reject is None else self.reject.known(features, logits)
        members = None if self.conformal is None else self.conformal.sets(logits, coverage)
        order = np.argsort(-logits, axis=1, kind="stable")
        return [
            Verdict(
                None if known is None else bool(known[row]),
                None if members is None else tuple(int(k) for k in order[row] if members[row, k]),
            )
            for row in range(len(logits))
        ]


def read_calibration(folder: Path) -> Calibration:
    """Return what lies in the bundle ``folder``; raises RunError (exit code 6) for a file that is damaged."""
    path = folder / JSON_FILE
    try:
        sections = json.loads(path.read_text(encoding="utf-8"))
        temperature = float(_number(sections.get("temperature", 1.0)))
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature {temperature:g}")
        wanted = [name for name in ("reject", "conformal") if sections.get(name)]
        arrays = _arrays(folder / ARRAYS_FILE) if wanted else {}
        return Calibration(
            temperature,
            Reject.from_json(sections["reject"], arrays) if "reject" in wanted else None,
            Conformal.from_json(sections["conformal"], arrays[SCORES]) if "conformal" in wanted else None,
        )
    except FileNotFoundError as error:
        if error.filename == str(path):
            return Calibration()
        raise RunError(f"the bundle {folder} lacks {ARRAYS_FILE}; write it again") from None
    except Exception as error:  # noqa: BLE001 - whatever a changed file leads to
        first = (str(error).splitlines() or [""])[0]
        raise RunError(
            f"the bundle {folder} is damaged ({JSON_FILE}: {type(error).__name__} {first}); write it again"
        ) from None


def write_temperature(folder: Path, values: Mapping[str, Any]) -> None:
    """Put ``values``, the temperature among them, into ``calibration.json`` of the bundle ``folder``."""
    _write_sections(folder, values)


def write_known(folder: Path, *, reject: Reject | None, conformal: Conformal | None) -> None:
    """Put the two sections into the bundle ``folder``; all else in ``calibration.json`` stays as it is."""
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {} if reject is None else dict(reject.arrays)
    if conformal is not None:
        arrays[SCORES] = conformal.scores
    unfinished = folder / f".{ARRAYS_FILE}.tmp"
    # Not by save_file, whose files nobody but their owner may read.
    unfinished.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
    unfinished.replace(folder / ARRAYS_FILE)
    sections = {
        "reject": None if reject is None else reject.to_json(),
        "conformal": None if conformal is None else conformal.to_json(),
    }
    _write_sections(folder, sections)


def _write_sections(folder: Path, sections: Mapping[str, Any]) -> None:
    path = folder / JSON_FILE
    before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    unfinished = folder / f".{JSON_FILE}.tmp"
    unfinished.write_text(json.dumps({**before, **sections}, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load_file

    if not path.is_file():
        raise FileNotFoundError(2, "missing", str(path))
    return load_file(path)


def _number(value: Any) -> float:
    """The temperature's section may be the number itself, or say more beside its ``value``."""
    return float(value["value"] if isinstance(value, dict) else value)
