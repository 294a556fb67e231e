"""The advice as people see it: tables, cards and squares that hold what was forecast, in two languages."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outlooks import NAMES, advice_of, best_is, costs_of, measures_of, outlook_of, table_of
from PIL import Image

from finetune.advice.contenders import CONTENDERS
from finetune.advice.references import REFERENCES
from finetune.errors import OptionError
from finetune.model.backbones import find_backbone
from finetune.model.describe import describe
from finetune.terminal import result_console
from strategies import STRATEGIES, make_strategy
from ui.advice import advice_view, experience_table, forecast_table
from ui.square_picture import draw_square, refuse_impossible
from ui.web.square import BOTTOM, LEFT, RIGHT, TOP, square_svg
from ui.web.strategy import advice_html, card_html


def shown(view: Any) -> str:
    """As a pipe would see it: no colours, no folding."""
    stream = io.StringIO()
    result_console(stream).print(view)
    return stream.getvalue()


def findings_of(advice: dict[str, Any]) -> dict[str, Any]:
    backbone = find_backbone("test_resnet")
    strips = {
        name: [row.to_json() for row in describe(backbone, make_strategy(name), n_classes=4)]
        for name in STRATEGIES
    }
    return {"advice": advice, "strips": strips, "backbone": "test_resnet", "image_size": 160}


def test_the_table_has_a_row_for_each_contender_the_best_utility_first() -> None:
    outlook = outlook_of()
    lines = shown(forecast_table(outlook)).splitlines()
    ranked = sorted(NAMES, key=lambda name: -outlook.decision.utilities[name])
    rows = [
        next(
            i
            for i, line in enumerate(lines)
            if f"  {CONTENDERS[name].title} " in f" {line.replace('●', ' ')} "
        )
        for name in ranked
    ]
    assert rows == sorted(rows)
    best = outlook.forecasts[ranked[0]]
    assert f"{100 * best.accuracy:.1f} %" in lines[rows[0]]
    assert f"{100 * best.low:.1f} – {100 * best.high:.1f}" in lines[rows[0]]
    assert lines[rows[0]].count("●") == 1
    assert sum(line.count("●") for line in lines) == 1
    assert "5.3 min" in next(line for line in lines if "full-finetune" in line)
    assert "0.5 GB" in lines[rows[0]]


@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_names_the_choice_and_marks_the_cell_of_the_rule(name: str) -> None:
    text = shown(advice_view(advice_of(outlook_of(best_is(name)))))
    assert text.startswith(f"strategy: {CONTENDERS[name].title}   runner-up: ")
    (small,) = [line for line in text.splitlines() if "small (< 5,000)" in line]
    assert "● freeze-all" in small
    assert f"So {CONTENDERS[name].title}: " in " ".join(text.split())


def test_chinese_has_chinese_heads_and_the_reason_in_chinese() -> None:
    text = shown(advice_view(advice_of(outlook_of()), "zh"))
    assert text.startswith("策略: ")
    for head in ("预计准确率", "80% 区间", "训练占比"):
        assert head in text
    assert "训练图像" in text
    assert "5.3 分钟" in text
    assert "training images" not in text


def test_own_trainings_are_listed() -> None:
    row = {"contender": "multi-stage", "n_train": 1_234, "n_classes": 7, "accuracy": 0.913, "n_judged": 210}
    text = shown(
        experience_table({"file": "/mine.jsonl", "trainings": [row, {**row, "contender": "new-one"}]})
    )
    assert "2 trainings in /mine.jsonl" in text
    assert re.search(r"freeze-all \(multi-stage head\) +1,234 +7 +91\.3 % +210 images", text)
    assert "new-one" in text
    assert "1 training in /mine.jsonl" in shown(experience_table({"file": "/mine.jsonl", "trainings": [row]}))
    assert "FINETUNE_EXPERIENCE=off" in shown(experience_table({"file": None, "trainings": []}))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_card_shows_what_its_strategy_promises(name: str) -> None:
    advice = advice_of(outlook_of()).to_json()
    card = str(card_html(name, findings_of(advice), chosen=False))
    rows = [row for row in advice["forecast"].values() if row["strategy"] == name]
    best = max(rows, key=lambda row: row["utility"])
    assert f"<strong>{100 * best['accuracy']:.1f} %</strong> expected at 160 px" in card
    assert f"<dd>{100 * best['interval'][0]:.1f} – {100 * best['interval'][1]:.1f} %</dd>" in card
    assert f"<dt>best of all, probability</dt><dd>{100 * best['p_best']:.0f} %</dd>" in card
    assert f"<dt>memory at its peak</dt><dd>{best['peak_bytes'] / 1e9:.1f} GB</dd>" in card
    assert ("(multi-stage head)" in card) == (name == "freeze-all")


def test_a_card_of_an_advice_without_forecasts_promises_nothing() -> None:
    advice = advice_of(outlook_of()).to_json()
    del advice["forecast"]
    assert "expected" not in str(card_html("partial", findings_of(advice), chosen=False))


def test_the_page_says_what_overruled_the_square() -> None:
    overruled = str(advice_html(findings_of(advice_of(outlook_of(best_is("full-finetune"))).to_json())))
    assert "Advised: <strong>full-finetune</strong>" in overruled
    assert "The square&#39;s rule is freeze-all, but what was measured" in overruled
    agreed = str(advice_html(findings_of(advice_of(outlook_of(best_is("freeze-all"))).to_json())))
    assert "speak against it" not in agreed


def test_the_square_tells_the_rule_and_the_advice_and_lists_other_data() -> None:
    drawing = str(square_svg(advice_of(outlook_of(best_is("full-finetune"))).to_json()))
    assert "in the cell small and similar, which calls for freeze-all; advised: full-finetune" in drawing
    assert drawing.count('class="reference"') == len(REFERENCES)
    for one in REFERENCES:
        assert f"<title>{one.name}: {one.n_train:,} images, gain {one.gain:.2f}</title>" in drawing
    places = re.findall(r'class="reference" x="([\d.]+)" y="([\d.]+)"', drawing)
    assert all(LEFT - 4 <= float(x) <= RIGHT and TOP - 4 <= float(y) <= BOTTOM for x, y in places)


@pytest.mark.parametrize("ending", ["png", "svg", "SVG"])
def test_the_square_is_drawn_to_a_file(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"square.{ending}"
    draw_square(advice_of(outlook_of(best_is("partial"))).to_json(), file)
    if ending == "png":
        with Image.open(file) as image:
            assert image.size[0] > 900
        return
    text = file.read_text(encoding="utf-8")
    assert "your images: 800, gain 0.60; advised: partial" in text
    assert all(one.name in text for one in REFERENCES)


@pytest.mark.parametrize(("n_train", "gain"), [(6, 1.0), (10**7, -1.0), (5_000, 0.5)])
def test_whatever_was_measured_lies_within_the_drawing(tmp_path: Path, n_train: int, gain: float) -> None:
    advice = advice_of(outlook_of(measures=measures_of(gain=gain))).to_json()
    advice["size"]["n"] = n_train
    draw_square(advice, tmp_path / "square.svg")
    assert f"your images: {n_train:,}, gain {gain:.2f}" in (tmp_path / "square.svg").read_text(
        encoding="utf-8"
    )


def test_a_place_that_no_picture_can_go_to_is_refused(tmp_path: Path) -> None:
    refuse_impossible(tmp_path / "square.svg")
    with pytest.raises(OptionError, match=r"must end in \.png or \.svg"):
        refuse_impossible(tmp_path / "square.pdf")
    with pytest.raises(OptionError, match="lies in no folder that exists"):
        refuse_impossible(tmp_path / "nowhere" / "square.svg")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(OptionError, match="is a folder"):
        refuse_impossible(tmp_path / "folder.svg")
    with pytest.raises(OptionError, match="cannot write --square"):
        draw_square(advice_of(outlook_of()).to_json(), tmp_path / "folder.svg")


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(-3, 3)), st.floats(1, 1e6))
def test_every_outlook_can_be_shown(lifts: dict[str, float], seconds: float) -> None:
    outlook = outlook_of(table_of(lifts), costs=costs_of({"partial": seconds}))
    for language in ("en", "zh"):
        assert shown(forecast_table(outlook, language)).count("●") == 1  # type: ignore[arg-type]
