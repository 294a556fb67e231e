"""A second advice on the same images takes what was measured from the cache, says so, and comes to the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conftest import Finetune, coloured, draw_colours


def advised(finetune: Finetune, *arguments: object) -> dict[str, Any]:
    answer = finetune("advise", *arguments, "--json")
    assert answer.code == 0, answer.err
    advice: dict[str, Any] = answer.json
    return advice


def test_a_second_advice_is_kept_and_a_changed_image_or_label_is_not_served(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 8, "b": 8})
    ask = (data, *tiny[:6])
    first = advised(finetune, *ask)
    assert first["kept"] == {}
    second = advised(finetune, *ask)
    assert set(second["kept"]) >= {"measures", "seconds"}
    assert {**second, "kept": {}} == first, "seconds too are the kept ones"

    shown = finetune("advise", *ask).out
    assert "From the cache: what was measured on these images (20" in shown
    assert "`finetune advise --no-cache` measures anew" in shown
    assert advised(finetune, *ask, "--no-cache")["kept"] == {}

    (data / "a" / "0.png").rename(data / "b" / "was-a.png")
    assert "measures" not in advised(finetune, *ask)["kept"]
    (data / "b" / "was-a.png").rename(data / "a" / "0.png")
    assert "measures" in advised(finetune, *ask)["kept"]
    for number in range(8):
        coloured(0, 100 + number).save(data / "a" / f"{number}.png")
    assert "measures" not in advised(finetune, *ask)["kept"]

    assert "measures for advice" in finetune("cache").out
    assert finetune("cache", "--clear", "--only", "features").code == 0
    assert advised(finetune, *ask)["kept"] == {}
