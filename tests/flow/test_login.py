"""Signing in to a page of several people: who gets in, how that ends, and what guesses come to."""

import stat
from collections.abc import Iterator

import httpx
import pytest
from signed_in_page import HOME, PASSWORD, Page, page_for, press, sign_in

from finetune.cli import run
from finetune.service.projects import new_project
from finetune.service.users import USERS

SOME_PROJECT = "0" * 32


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page_for(tmp_path_factory.mktemp("page"), "carl", "dora", "eve", "local") as page:
        yield page


def test_nobody_gets_further_than_the_login(page: Page) -> None:
    with page.person() as stranger:
        for path in ("/", f"/bundle/{SOME_PROJECT}/1"):
            answer = stranger.get(path, headers={"accept": "text/html,*/*"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
        for path in ("/config", "/gradio_api/info", "/gradio_api/heartbeat/a", "/theme.css", "/assets/x.js"):
            assert stranger.get(path).status_code == 401, path
        for path in ("/gradio_api/run/predict", "/gradio_api/upload", "/gradio_api/cancel", "/", "/logout/"):
            answer = stranger.post(path, content=b"{}")
            assert answer.status_code == 401, path
            assert answer.json()["detail"] == "nobody is signed in; sign in at /login"
            assert "basic" not in answer.headers["www-authenticate"].lower()
        assert len(page.config["dependencies"]) > 10
        for event in page.config["dependencies"]:
            assert press(stranger, event, page.components(event, SOME_PROJECT))[0] == 401
        for nonsense in ("x", "A" * 43, "", "ann", '"'):
            cookie = {"cookie": f"{next(iter(signed(page).keys()))}={nonsense}"}
            assert stranger.get("/config", headers=cookie).status_code == 401


def signed(page: Page, name: str = "carl") -> httpx.Cookies:
    with page.person(name) as client:
        return client.cookies


def test_what_was_made_without_a_login_belongs_to_the_user_local(page: Page) -> None:
    home = page.served.root / HOME
    project = new_project(home, sample="fruit")
    path = project.folder / "preview" / "1" / "sheet.png"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    with page.person("local") as local, page.person("carl") as carl:
        assert local.get(f"/preview/{project.id}/1").status_code == 200
        assert carl.get(f"/preview/{project.id}/1").status_code == 404


def test_a_session_is_a_cookie_that_no_script_reads_and_no_other_site_sends(page: Page) -> None:
    with page.person() as client:
        cookie = sign_in(client, "carl").headers["set-cookie"]
        assert cookie.startswith("finetune-session-")
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()
        assert "secure" not in cookie.lower()
        # A proxy that speaks TLS for it is seen by the form's origin.
        origin = page.served.url.replace("http:", "https:")
        assert "; secure" in sign_in(client, "carl", origin=origin).headers["set-cookie"].lower()
    kept = (page.served.root / USERS).read_bytes()
    secret = cookie.partition("=")[2].partition(";")[0]
    assert secret.encode() not in kept
    assert PASSWORD.encode() not in kept
    assert stat.S_IMODE((page.served.root / USERS).stat().st_mode) == 0o600


def test_a_session_that_was_planted_is_not_taken_over(page: Page) -> None:
    with page.person() as client:
        (name,) = signed(page).keys()
        planted = "A" * 43
        client.cookies.set(name, planted, domain="127.0.0.1")
        answer = sign_in(client, "carl")
        first = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        assert first != planted
        assert client.get("/config", headers={"cookie": f"{name}={planted}"}).status_code == 401
        # Signing in again ends the session that the browser had.
        again = httpx.post(
            f"{page.served.url}/login",
            data={"name": "carl", "password": PASSWORD},
            headers={"cookie": f"{name}={first}"},
        )
        second = again.headers["set-cookie"].partition("=")[2].partition(";")[0]
        assert (
            httpx.get(f"{page.served.url}/config", headers={"cookie": f"{name}={first}"}).status_code == 401
        )
        assert (
            httpx.get(f"{page.served.url}/config", headers={"cookie": f"{name}={second}"}).status_code == 200
        )


def test_signing_out_ends_the_session_on_the_server_too(page: Page) -> None:
    with page.person("carl") as client:
        (kept,) = [f"{name}={value}" for name, value in client.cookies.items()]
        assert client.get("/login").status_code == 303
        answer = client.post("/logout")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?out")
        assert not client.cookies
        assert "You are signed out." in client.get("/login?out").text
        assert client.get("/config", headers={"cookie": kept}).status_code == 401


def test_sessions_end_at_once_when_they_are_revoked(page: Page) -> None:
    where = ("--data-dir", str(page.served.root))
    with page.person("dora") as phone, page.person("dora") as laptop:
        for client in (phone, laptop):
            assert client.get("/config").status_code == 200
        assert run(["user", "sign-out", "dora", *where]) == 0
        for client in (phone, laptop):
            assert client.get("/config").status_code == 401
    with page.person("dora") as client:
        page.users.set_password("dora", "another password")
        assert client.get("/config").status_code == 401
        assert sign_in(client, "dora").status_code == 401
    with page.person("dora", "another password") as client:
        assert run(["user", "remove", "dora", *where]) == 0
        assert client.get("/config").status_code == 401
        assert sign_in(client, "dora", "another password").status_code == 401
    page.users.add("dora", PASSWORD)


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(page: Page) -> None:
    with page.person() as client:
        wrong, unknown = sign_in(client, "eve", "wrong"), sign_in(client, "zoe", "wrong")
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.text.replace('"eve"', '"zoe"') == unknown.text
        assert "The name or the password is wrong; check both and try again." in wrong.text
        assert "set-cookie" not in wrong.headers
        markup = sign_in(client, '"><img src=x>', "wrong")
        assert "<img" not in markup.text
        assert "用户名或密码错误" in sign_in(client, "eve", "wrong", **{"accept-language": "zh-CN"}).text
        for broken in (b"\xff%ff=%zz&", b"name=%ff&password=%00"):
            assert client.post("/login", content=broken).status_code == 401
        assert client.post("/login", content=b"x" * 20_000).status_code == 413


def test_another_site_cannot_sign_anybody_in_or_out(page: Page) -> None:
    with page.person("carl") as client:
        for origin in ("http://evil.example", "null"):
            assert sign_in(client, "carl", origin=origin).status_code == 403
            assert client.post("/logout", headers={"origin": origin}).status_code == 403
        assert client.get("/config").status_code == 200
        assert client.get("/logout").status_code == 405
        policy = client.get("/login?lang=en").headers
        assert "frame-ancestors 'none'" in policy["content-security-policy"]
        # With it a browser tells the origin of a form; without, this server would refuse its own.
        assert policy["referrer-policy"] == "same-origin"
