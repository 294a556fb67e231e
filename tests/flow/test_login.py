"""Several users of one page: who signs in, how that ends, and that Ben gets nothing of Ann's, whatever he tries."""

import contextlib
import json
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import picture
from page_server import Served, colour_zip, serve_page
from services import wait_for
from small_bundle import small_bundle

from finetune.cli import run
from finetune.service.projects import Project, new_project
from finetune.service.users import USERS, UserStore

PASSWORD = "correct horse battery"
NAME = "squeamish.zip"
HOME = ".page"
KINDS = ("trainings", "suspects", "clean", "preview")


@dataclass(frozen=True)
class Page:
    """A page that asks for a login, Ann's project with a file of each kind, and what the page consists of."""

    served: Served
    users: UserStore
    project: Project
    config: dict[str, Any]

    @contextlib.contextmanager
    def person(self, name: str = "", password: str = PASSWORD) -> Iterator[httpx.Client]:
        """A browser of somebody, signed in where there is a name."""
        with httpx.Client(base_url=self.served.url, timeout=60) as client:
            if name:
                answer = sign_in(client, name, password)
                assert (answer.status_code, answer.headers["location"]) == (303, "/")
            yield client

    def components(self, event: dict[str, Any], project_id: str, file: Any = None) -> list[Any]:
        """What the browser sends with an event: each component as it is at first, and the project."""
        kinds = {each["id"]: each for each in self.config["components"]}
        return [_value(kinds[number], project_id, file) for number in event["inputs"]]


def _value(kind: dict[str, Any], project_id: str, file: Any) -> Any:
    if kind["type"] == "browserstate" and kind["props"]["storage_key"] == "finetune-project":
        return project_id
    if kind["type"] in ("image", "file", "uploadbutton"):
        return file
    return kind["props"].get("value")


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password}, headers=headers)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("page") / "here"
    root = folder / "checkpoints"
    users = UserStore(root / USERS)
    for name in ("ann", "Ben", "carl", "dora", "eve", "local"):
        users.add(name, PASSWORD)
    project = things_of_ann(root, colour_zip(tmp_path_factory.mktemp("photos") / NAME, each=4))
    with serve_page(folder, "--auth") as served:
        with httpx.Client(base_url=served.url) as client:
            sign_in(client, "ann")
            config = client.get("/config").json()
        yield Page(served, users, project, config)


def things_of_ann(root: Path, photos: Path) -> Project:
    """A project of Ann's on the disk with all that can be downloaded."""
    (root / HOME).mkdir(parents=True)
    project = new_project(root / HOME, upload=photos, owner="ann")
    job, made = project.folder / "trainings" / "1", root / "squeamish-freeze-all-1"
    request = {"out": str(made), "recipe": {"strategy": "freeze-all"}}
    small_bundle(made / "bundle")
    files = {
        job / "request.json": json.dumps(request),
        made / "report.html": "squeamish",
        project.folder / "suspects" / "1" / "suspects" / "suspects.csv": "squeamish",
        project.folder / "clean" / "1" / "cleaned.zip": "squeamish",
        project.folder / "preview" / "1" / "sheet.png": "squeamish",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return project


@pytest.fixture(scope="module")
def ann(page: Page) -> Iterator[httpx.Client]:
    with page.person("ann") as client:
        yield client


@pytest.fixture(scope="module")
def ben(page: Page) -> Iterator[httpx.Client]:
    with page.person("ben") as client:
        yield client


@pytest.fixture(scope="module")
def anns(page: Page, ann: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a project that Ann has brought by the page itself, and whose images are being looked at."""
    photos = colour_zip(tmp_path_factory.mktemp("photos") / NAME, each=4)
    file = uploaded(ann, photos.read_bytes(), NAME)
    event = taking_upload(page)
    data = page.components(event, "", file)
    status, text = press(ann, event, data)
    assert (status, NAME in text) == (200, True), text
    found = [path.parent for path in (page.served.root / HOME).glob("*/project.json")]
    (brought,) = [folder.name for folder in found if folder.name != page.project.id]
    return brought


def taking_upload(page: Page) -> dict[str, Any]:
    kinds = {each["id"]: each for each in page.config["components"]}
    return next(
        event
        for event in page.config["dependencies"]
        if any(kinds[number]["type"] in ("file", "uploadbutton") for number in event["inputs"])
    )


def uploaded(client: httpx.Client, content: bytes, name: str) -> dict[str, Any]:
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    assert answer.status_code == 200, answer.text
    return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def press(client: httpx.Client, event: dict[str, Any], data: list[Any]) -> tuple[int, str]:
    """Send an event as a plain request."""
    body = {"fn_index": event["id"], "data": data, "session_hash": secrets.token_hex(5)}
    answer = client.post("/gradio_api/run/predict", json=body)
    return answer.status_code, answer.text


def queue(client: httpx.Client, event: dict[str, Any], data: list[Any]) -> tuple[int, str]:
    """Send an event by Gradio's queue, whose tasks are nobody's."""
    session = secrets.token_hex(5)
    body = {"fn_index": event["id"], "data": data, "session_hash": session}
    answer = client.post("/gradio_api/queue/join", json=body)
    text = ""
    if answer.status_code == 200:
        with client.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as stream:
            for line in stream.iter_lines():
                text += line
                if '"process_completed"' in line or '"close_stream"' in line:
                    break
    return answer.status_code, text


def downloads(page: Page) -> list[str]:
    kinds = ("bundle", "run", "suspects", "clean", "preview")
    return [f"/{kind}/{page.project.id}/1" for kind in kinds]


def test_nobody_gets_further_than_the_login(page: Page) -> None:
    with page.person() as stranger:
        for path in ("/", *downloads(page)):
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
            assert press(stranger, event, page.components(event, page.project.id))[0] == 401
        for nonsense in ("x", "A" * 43, "", "ann", '"'):
            cookie = {"cookie": f"{next(iter(signed(page).keys()))}={nonsense}"}
            assert stranger.get("/config", headers=cookie).status_code == 401


def signed(page: Page, name: str = "carl") -> httpx.Cookies:
    with page.person(name) as client:
        return client.cookies


def test_ann_has_what_ben_cannot_get_by_any_address(
    page: Page, ann: httpx.Client, ben: httpx.Client, anns: str
) -> None:
    report = f"/report/{anns}"
    wait_for(lambda: ann.get(report).status_code == 200)
    for path in (*downloads(page), report):
        mine = ann.get(path)
        assert mine.status_code == 200, path
        assert mine.headers["cache-control"] == "no-store"
        assert ben.get(path).status_code == 404, path
        assert ben.get(path, headers={"accept": "text/html"}).status_code == 404, path


@pytest.mark.parametrize("send", [press, queue])
def test_ben_gets_nothing_of_ann_s_by_any_event(
    page: Page, ann: httpx.Client, ben: httpx.Client, anns: str, send: Any
) -> None:
    events = [each for each in page.config["dependencies"] if each != taking_upload(page)]
    before = works_of_ann(page)
    shown = 0
    for event in events:
        data = page.components(event, anns)
        if anns not in data:
            continue
        status, text = send(ben, event, data)
        assert status == 200, event
        assert "squeamish" not in text, event
        shown += NAME in send(ann, event, data)[1] if event["targets"][0][1] in ("load", "tick") else 0
    assert shown, "Ann sees her own images by none of these"
    assert works_of_ann(page) == before


def works_of_ann(page: Page) -> list[str]:
    """All of Ann's projects, jobs and runs; whatever somebody starts or throws away changes it."""
    root = page.served.root
    own = [path.parent for path in (root / HOME).glob("*/project.json") if '"ann"' in path.read_text()]
    jobs = [job for folder in own for kind in KINDS for job in (folder / kind).glob("*")]
    return sorted(map(str, [*own, *jobs, *root.glob("squeamish*")]))


def test_ben_gets_no_file_of_ann_s_by_its_path(page: Page, ann: httpx.Client, ben: httpx.Client) -> None:
    file = uploaded(ann, picture("plum", 7), "secret.png")
    address = f"/gradio_api/file={file['path']}"
    assert ann.get(address).content == picture("plum", 7)
    folder, _, name = file["path"].rpartition("/")
    digest = folder.rpartition("/")[2]
    spelt = f"%25{ord(digest[0]):02x}{digest[1:]}"
    for path in (address, address.replace(digest, spelt), f"/gradio_api/file/{file['path']}"):
        answer = ben.get(path)
        assert answer.status_code in (403, 404), path
        assert answer.content != picture("plum", 7)
    for event in page.config["dependencies"]:
        data = page.components(event, page.project.id, file)
        if file in data:
            assert press(ben, event, data)[0] == 403
            escaped = json.dumps(data).replace(digest, f"\\u{ord(digest[0]):04x}{digest[1:]}")
            body = f'{{"fn_index": {event["id"]}, "session_hash": "a", "data": {escaped}}}'
            assert ben.post("/gradio_api/run/predict", content=body).status_code == 403
    # Who has the same file has it, too.
    assert uploaded(ben, picture("plum", 7), name)["path"] == file["path"]
    assert ben.get(address).content == picture("plum", 7)


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
