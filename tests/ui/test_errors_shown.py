"""Errors as a page shows them: in its own language, from the handler that met them to the HTML."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_parts import bare_parts

from finetune.data.sources import open_source
from finetune.errors import FinetuneError
from finetune.recipe import Recipe
from finetune.service.service import Service
from finetune.words import speaking
from ui.data_handlers import DataHandlers
from ui.handlers import Handlers
from ui.languages import said_at
from ui.web.words import error_html


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataHandlers]:
    with contextlib.closing(Service(tmp_path_factory.mktemp("root"), offline=True)) as service:
        parts = bare_parts()
        yield DataHandlers(parts, service, Handlers(service, parts))


def notice(hands: DataHandlers, label: str) -> str:
    """What the page says of an image that is added to ``label``, and is none."""
    return str(hands.add("", "", "", label, None, None)[hands._parts.notice])


@pytest.mark.parametrize(
    ("label", "english", "chinese"),
    [
        ("", "the image needs a class; write its name first", "图像需要类别；请先写类别名称"),
        (".x", "&#39;.x&#39; cannot be a class&#39;s name", "“.x”不能作为类别名称"),
        ("cat", "there is no image to add", "没有要添加的图像"),
    ],
)
def test_a_handler_says_an_option_error_in_the_language_of_its_page(
    hands: DataHandlers, label: str, english: str, chinese: str
) -> None:
    assert english in notice(hands, label)
    with speaking("zh"):
        told = notice(hands, label)
    assert f"<strong>错误：</strong>{chinese}" in told.replace("</strong> ", "</strong>")


def test_a_data_error_is_chinese_on_the_chinese_page_with_its_names_escaped(tmp_path: Path) -> None:
    with pytest.raises(FinetuneError) as caught:
        open_source(tmp_path / "<b>photos")
    with speaking("zh"):
        told = str(error_html(str(caught.value)))
    assert "处没有文件夹或文件；请检查路径" in told
    assert "&lt;b&gt;photos" in told
    assert "no folder or file at" in str(error_html(str(caught.value)))


def test_choices_that_cannot_go_together_are_told_in_chinese() -> None:
    with pytest.raises(FinetuneError) as caught:
        Recipe.make(strategy="partial", ema=0.9, average_last=2)
    with speaking("zh"):
        assert "--ema 和 --average-last 都对权重取平均；请去掉其中一个" in str(error_html(str(caught.value)))


def test_a_refused_upload_is_told_in_the_language_of_the_page_that_it_comes_from() -> None:
    full = "the server's disk is too full for this upload; free some of it"
    assert said_at({"path": "/gradio_api/upload"}, full) == full
    assert said_at({"path": "/zh/gradio_api/upload"}, full) == "服务器磁盘空间不足，无法上传；请释放一些空间"
