"""Which language the page is in: the browser's, until the user has chosen."""

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from ui.languages import COOKIE, Languages, accepted, below


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()

    @app.get("/{path:path}")
    def told(path: str) -> PlainTextResponse:
        return PlainTextResponse(f"/{path}")

    app.add_middleware(Languages)
    return TestClient(app, follow_redirects=False)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh;q=0.5,en;q=0.3", "zh"),
        ("fr", "en"),
        ("zh;q=x, en;q=0.1", "en"),
        ("zh;q=0", "en"),
    ],
)
def test_the_better_liked_language(header: str, language: str) -> None:
    assert accepted(header) == language


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_header_gives_one_of_both(header: str) -> None:
    assert accepted(header) in ("en", "zh")


def test_a_chinese_browser_is_sent_to_the_chinese_page_and_nothing_else_is(client: TestClient) -> None:
    chinese = {"accept-language": "zh-CN"}
    assert client.get("/", headers=chinese).headers["location"] == "/zh/"
    assert client.get("/zh", headers=chinese).headers["location"] == "/zh/"
    for path in ("/zh/", "/config", "/bundle/0/1"):
        assert client.get(path, headers=chinese).text == path
    assert client.get("/", headers={"accept-language": "en"}).text == "/"
    assert client.head("/", headers=chinese).status_code == 307


def test_what_was_chosen_outweighs_the_browser(client: TestClient) -> None:
    chinese = {"accept-language": "zh-CN"}
    chosen = client.get("/language/en", headers=chinese)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
    assert client.get("/", headers=chinese).text == "/"
    assert client.get("/language/zh").headers["location"] == "/zh/"
    assert client.get("/").headers["location"] == "/zh/"
    assert client.get("/language/fr").text == "/language/fr"
    client.cookies.clear()
    assert client.get("/", headers={"cookie": f"{COOKIE}=fr"}).status_code == 200


def test_the_same_limits_hold_below_the_chinese_page() -> None:
    assert (
        below({"path": "/zh/gradio_api/upload"})
        == "/gradio_api/upload"
        == below({"path": "/gradio_api/upload"})
    )
    assert below({"path": "/zhx/gradio_api"}) == "/zhx/gradio_api"
