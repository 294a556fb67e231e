"""Two people at one page: Ben gets nothing of Ann's, and changes nothing, whatever he sends with her ids."""

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import picture
from page_server import REPOSITORY, colour_zip
from services import wait_for
from signed_in_page import (
    HOME,
    PASSWORD,
    Page,
    call_named,
    components,
    lines_in,
    page_for,
    press,
    queue,
    run_named,
    taking_upload,
    texts,
    uploaded,
)
from small_bundle import CLASS_NAMES, small_bundle

from finetune.service.additions import add_image
from finetune.service.api.limits import ApiLimits
from finetune.service.projects import Project, find_project, new_project
from ui.languages import CHINESE
from ui.use_view import CARD

NAME, RUN = "squeamish.zip", "squeamish-freeze-all-1"
OF_ANN = "squeamish"
PAGES = ("", CHINESE)
PLACES = {"number": "1", "job": "1", "look": "1", "place": "0", "file": "0.jpg", "name": "000001.png"}
"""What is put into an address for its parameters; a project's image has its number within a ``job``."""
LISTING = """
import json, sys
from pathlib import Path
from fastapi.routing import iter_route_contexts
from finetune.service.login import Login
from finetune.service.service import Service
from ui.app import make_app
folder = Path(sys.argv[1])
service = Service(folder, offline=True)
routes = [each.route for each in iter_route_contexts(make_app(service, login=Login(folder)).routes)]
print(json.dumps([(type(each).__name__, each.path, sorted(getattr(each, "methods", None) or ())) for each in routes]))
service.close()
"""
"""Prints what kind each route of the application is, with its path and methods."""
PRESSES = ("{}", "open:{}", "delete:{}", "all:yes", "run:1:yes", "1", "1:fp32", "1:0-0", "0")
"""What buttons in HTML send, those that delete included; a project's id for the braces."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with page_for(tmp_path_factory.mktemp("page") / "here", "ann", "Ben", "carl") as page:
        yield page


@pytest.fixture(scope="module")
def ann(page: Page) -> Iterator[httpx.Client]:
    with page.person("ann") as client:
        yield client


@pytest.fixture(scope="module")
def ben(page: Page) -> Iterator[httpx.Client]:
    with page.person("ben") as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def full(page: Page) -> None:
    """Ben has as many data sets as he may, so that no button begins work of his own."""
    home = page.served.root / HOME
    for _ in range(ApiLimits().datasets):
        new_project(home, sample="digits", owner="Ben")


@pytest.fixture(scope="module")
def anns(page: Page, ann: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a project that Ann has brought by the page itself, with something to show at every address."""
    photos = colour_zip(tmp_path_factory.mktemp("photos") / NAME, each=8)
    event = taking_upload(page)
    status, text = press(ann, event, page.components(event, "", uploaded(ann, photos.read_bytes(), NAME))[:])
    assert (status, NAME in text) == (200, True), text
    home = page.served.root / HOME
    (brought,) = [path.parent.name for path in home.glob("*/project.json") if NAME in path.read_text()]
    project = find_project(home, brought)
    assert project is not None
    wait_for(lambda: "advice" in project.findings)
    wait_for(lambda: ann.get(f"/report/{brought}").status_code == 200)
    lay_down(project, page.served.root)
    return brought


def lay_down(project: Project, root: Path) -> None:
    """Put a finished training, and what came of jobs, where the page finds them."""
    job, run, asked = project.folder / "trainings" / "1", root / RUN, project.folder / "asked" / ("a" * 16)
    small_bundle(run / "bundle")
    request = {"out": str(run), "recipe": {"strategy": "freeze-all"}}
    answer = {"name": OF_ANN, "label": "ants", "probability": 0.9, "known": True, "error": ""}
    trial = {"shown": [answer], "counts": {"ants": 1}, "n_unknown": 0, "errors": 0}
    texts_of = {
        job / "request.json": json.dumps(request),
        job / "held-out" / "images.json": json.dumps({"images": [{"image": "0.png", "label": "apple"}]}),
        run / "report.html": OF_ANN,
        run / "log.txt": OF_ANN,
        run / "predictions.csv": "path,label,predicted,probability\napple/0.png,apple,apple,0.9\n",
        run / "bundle" / CARD: OF_ANN,
        project.folder / "suspects" / "1" / "suspects" / "suspects.csv": OF_ANN,
        project.folder / "clean" / "1" / "cleaned.zip": OF_ANN,
        project.folder / "preview" / "1" / "sheet.png": OF_ANN,
        project.folder / "export" / "1" / "model.onnx": OF_ANN,
        project.folder / "export" / "1" / "request.json": json.dumps({"run": str(run), "precision": "fp32"}),
        project.folder / "trial" / "1" / "request.json": json.dumps({"data": str(asked), "model": RUN}),
        project.folder / "trial" / "1" / "result.json": json.dumps(trial),
        project.folder / "trial" / "1" / "answers.csv": OF_ANN,
    }
    pictures = [
        job / "held-out" / "0-small.jpg",
        project.folder / "trial" / "1" / "pictures" / "0.jpg",
        project.analysis / "pictures" / "0.jpg",
        root / f"{OF_ANN}.png",
    ]
    for path in (*texts_of, *pictures):
        path.parent.mkdir(parents=True, exist_ok=True)
    for path, text in texts_of.items():
        path.write_text(text, encoding="utf-8")
    for path in pictures:
        path.write_bytes(picture("plum", 3))
    image = root / f"{OF_ANN}.png"
    add_image(project, image, "plum", image.read_bytes())


def private_addresses(folder: Path, project_id: str) -> list[tuple[str, str]]:
    """Method and path of every address of the application that belongs to a project."""
    # In a process of its own: Gradio leaves loops behind that nobody closes.
    listed = subprocess.run(
        [sys.executable, "-c", LISTING, str(folder)], capture_output=True, text=True, timeout=240, check=True
    )
    routes = json.loads(listed.stdout)
    assert {path for kind, path, _ in routes if kind == "Mount"} == {CHINESE, ""}
    assert {path for kind, path, _ in routes if kind == "Route"} == {"/login", "/logout"}
    found = []
    for kind, path, methods in routes:
        if kind in ("Mount", "Route"):
            continue
        assert "{project_id}" in path, f"{path} is nobody's"
        places = {**PLACES, **({"number": "0"} if "{job}" in path else {})}
        found += [(method, path.format(project_id=project_id, **places)) for method in methods]
    return found


def ask(client: httpx.Client, method: str, path: str) -> httpx.Response:
    files = {"image": ("plum.png", picture("plum", 3))} if method == "POST" else None
    return client.request(method, path, files=files, headers={"accept": "text/html,*/*"})


def test_ann_has_what_ben_cannot_get_by_any_address(
    page: Page, ann: httpx.Client, ben: httpx.Client, anns: str, tmp_path: Path
) -> None:
    addresses = private_addresses(tmp_path, anns)
    kinds = {path.split("/")[1] for _, path in addresses}
    assert kinds >= {"bundle", "log", "predict", "picture", "judged", "held-out", "asked", "onnx", "card"}
    for method, path in addresses:
        mine = ask(ann, method, path)
        assert mine.status_code == 200, (path, mine.text)
        assert mine.headers["cache-control"].startswith(("no-store", "private"))
    before = things_of_ann(page)
    with page.person() as nobody:
        for method, path in addresses:
            for below in PAGES:
                answer = ask(ben, method, f"{below}{path}")
                assert answer.status_code in ((404,) if not below else (404, 405)), path
                assert OF_ANN not in answer.text
                assert OF_ANN not in str(answer.headers)
                assert ask(nobody, method, f"{below}{path}").status_code in (303, 401), path
    assert things_of_ann(page) == before


def things_of_ann(page: Page) -> dict[str, str]:
    """All files of Ann's projects and runs by their content; whatever somebody starts or deletes changes it."""
    root = page.served.root
    own = [path.parent for path in (root / HOME).glob("*/project.json") if '"ann"' in path.read_text()]
    files = [
        path for folder in (*own, *root.glob(f"{OF_ANN}*")) for path in folder.rglob("*") if path.is_file()
    ]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


WAYS = (
    (press, ""),
    (queue, ""),
    *((send, below) for send in (run_named, call_named) for below in PAGES),
)


@pytest.mark.parametrize(("send", "below"), WAYS)
def test_ben_gets_nothing_of_ann_s_by_any_function(
    page: Page, ann: httpx.Client, ben: httpx.Client, anns: str, send: Any, below: str
) -> None:
    config = ann.get(f"{below}/config").json()
    before = things_of_ann(page)
    shown = 0
    for event in config["dependencies"]:
        data = components(config, event, anns)
        if anns in data or [anns] in data:
            text = send(ben, event, data, below)[1]
            assert OF_ANN not in text, event
        if event["targets"][0][1] in ("load", "tick"):
            shown += OF_ANN in send(ann, event, data, below)[1]
    assert shown, "Ann sees her own images by none of these"
    assert things_of_ann(page) == before


def test_ben_gets_nothing_of_ann_s_by_any_button_in_html(page: Page, ben: httpx.Client, anns: str) -> None:
    kinds = {each["id"]: each for each in page.config["components"]}
    before = things_of_ann(page)
    events = [(each, pressed_places(kinds, each)) for each in page.config["dependencies"]]
    assert sum(len(places) for _, places in events) > 10
    for event, places in events:
        for place, value in itertools.product(places, PRESSES):
            data = page.components(event, anns)
            data[place] = f"1:{value.format(anns)}"
            status, text = press(ben, event, data)
            assert (status, OF_ANN in text) == (200, False), (event, value)
    assert things_of_ann(page) == before


def pressed_places(kinds: dict[int, Any], event: dict[str, Any]) -> list[int]:
    """Where among the inputs of an event a text stands that tells which button in HTML was pressed."""
    ids = [str(kinds[number]["props"].get("elem_id") or "") for number in event["inputs"]]
    return [place for place, name in enumerate(ids) if name.startswith("clicked-")]


def test_ben_gets_no_file_of_ann_s_by_its_path(
    page: Page, ann: httpx.Client, ben: httpx.Client, anns: str
) -> None:
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
        data = page.components(event, anns, file)
        if file in data:
            assert press(ben, event, data)[0] == 403
            escaped = json.dumps(data).replace(digest, f"\\u{ord(digest[0]):04x}{digest[1:]}")
            body = f'{{"fn_index": {event["id"]}, "session_hash": "a", "data": {escaped}}}'
            assert ben.post("/gradio_api/run/predict", content=body).status_code == 403
    # Who has the same file has it, too.
    with page.person("carl") as carl:
        assert carl.get(address).status_code == 403
        assert uploaded(carl, picture("plum", 7), name)["path"] == file["path"]
        assert carl.get(address).content == picture("plum", 7)


def test_the_lines_that_ann_is_shown_ask_her_classifier(
    page: Page, ann: httpx.Client, anns: str, tmp_path: Path
) -> None:
    (tmp_path / "cat.jpg").write_bytes(picture("plum", 5))
    (tmp_path / ".curlrc").write_text('silent\nwrite-out = "\\nstatus %{http_code}\\n"', encoding="utf-8")
    variable, curl, python, command = lines_shown(page, ann, anns)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CURL_HOME": str(tmp_path)}

    def done(lines: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f"{variable}\n{lines}"],
            cwd=tmp_path,
            env=environment,
            input=f"{password}\n",
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    by_curl = done(curl)
    assert re.findall(r"status (\d+)", by_curl.stdout) == ["303", "200"], by_curl
    answer = json.loads(next(line for line in by_curl.stdout.splitlines() if line.startswith("{")))
    assert answer["label"] in CLASS_NAMES
    assert answer["name"] == "cat.jpg"
    (tmp_path / "ask.py").write_text(python, encoding="utf-8")
    by_python = done(f"{sys.executable} ask.py")
    assert by_python.stdout == f"{answer['label']} {answer['probability']}\n", by_python.stderr
    assert command.startswith("finetune predict ")
    assert PASSWORD not in "".join((variable, curl, python))
    # A wrong password gets no answer, and says so.
    (tmp_path / "cookies.txt").unlink()
    assert "401" in done(curl, "wrong").stdout
    assert "401 Unauthorized" in done(f"{sys.executable} ask.py", "wrong").stderr


def lines_shown(page: Page, client: httpx.Client, project_id: str) -> list[str]:
    """The lines on the tab Use, as they are copied."""
    told = [
        press(client, each, page.components(each, project_id)) for each in page.config["dependencies"][:3]
    ]
    (shown,) = {text for _, answer in told for text in texts(answer) if "FINETUNE_PASSWORD" in text}
    return lines_in(shown)
