"""Lines to copy that ask a classifier, by what the page asks for."""

import pytest
from markupsafe import Markup

from finetune.service.service import Asks
from ui.web.lines import lines_html


def lines(asks: Asks = "nothing", user: str = "") -> str:
    shown = lines_html("http://127.0.0.1:7860", "/predict/key/2", "/home/a b/run", asks=asks, user=user)
    return Markup(shown).striptags()


def test_the_lines_name_address_and_folder_as_a_shell_takes_them() -> None:
    text = lines()
    assert "curl -F image=@cat.jpg http://127.0.0.1:7860/predict/key/2" in text
    assert 'url = "http://127.0.0.1:7860/predict/key/2"' in text
    assert "finetune predict '/home/a b/run' cat.jpg" in text
    assert "Whoever has this address can ask." in text


@pytest.mark.parametrize(("asks", "variable"), [("login", "FINETUNE_PASSWORD"), ("token", "FINETUNE_TOKEN")])
def test_a_secret_is_typed_into_a_variable_and_stands_nowhere(asks: Asks, variable: str) -> None:
    shell, _, python = lines(asks, "ann").partition("import os")
    assert f"read -rs {variable} && export {variable}" in shell
    assert f"${variable}" in shell
    assert variable in python
    assert "Whoever has this address" not in python


def test_a_name_is_quoted_as_shell_and_python_take_it() -> None:
    text = lines("login", "Zoë B")
    assert "--data-urlencode 'name=Zoë B'" in text
    assert '"name": "Zoë B"' in text
