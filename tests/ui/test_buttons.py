"""Buttons in HTML, without a browser."""

import pytest

from ui.clicks import clicks_head, pressed_text, value_of
from ui.web.buttons import button_html


def test_a_button_says_what_it_sets_and_escapes_it() -> None:
    html = str(button_html("drop", 'a/"b".png', "leave <out>", label='leave "b" out', style="small"))
    assert html == (
        '<button type="button" class="press small" data-click="drop:a/&#34;b&#34;.png" '
        'aria-label="leave &#34;b&#34; out">leave &lt;out&gt;</button>'
    )


@pytest.mark.parametrize("what", ["", "Drop", "a b", "a:b", "-a", "a-"])
def test_what_cannot_be_an_id_is_refused(what: str) -> None:
    with pytest.raises(AssertionError):
        button_html(what, "", "")


def test_the_text_has_the_id_that_the_script_looks_for() -> None:
    assert pressed_text("leave-out").elem_id == "clicked-leave-out"
    assert "#clicked-${" in clicks_head()


def test_the_count_before_a_value_is_cut_off_and_nothing_else() -> None:
    assert value_of("12:a:b.png") == "a:b.png"
    assert value_of("") == ""
