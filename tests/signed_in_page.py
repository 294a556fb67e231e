"""A page that asks for a login, and people in front of it who speak plain HTTP."""

import contextlib
import html
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from page_server import Served, serve_page

from finetune.service.users import USERS, UserStore

PASSWORD = "correct horse battery"
HOME = ".page"


@dataclass(frozen=True)
class Page:
    """The page, who may sign in, and what it consists of."""

    served: Served
    users: UserStore
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
        return components(self.config, event, project_id, file)


@contextlib.contextmanager
def page_for(folder: Path, *names: str) -> Iterator[Page]:
    """Serve a page in ``folder`` to which people of these names sign in."""
    users = UserStore(folder / "checkpoints" / USERS)
    for name in names:
        users.add(name, PASSWORD)
    with serve_page(folder, "--auth") as served:
        with httpx.Client(base_url=served.url) as client:
            sign_in(client, names[0])
            config = client.get("/config").json()
        yield Page(served, users, config)


def components(config: dict[str, Any], event: dict[str, Any], project_id: str, file: Any = None) -> list[Any]:
    """What a browser sends with an event of ``config``."""
    kinds = {each["id"]: each for each in config["components"]}
    return [_value(kinds[number], project_id, file) for number in event["inputs"]]


def _value(kind: dict[str, Any], project_id: str, file: Any) -> Any:
    if kind["type"] == "browserstate":
        known = {"finetune-project": project_id, "finetune-projects": [project_id]}
        return known.get(kind["props"]["storage_key"], kind["props"].get("value"))
    if kind["type"] in ("image", "file", "uploadbutton"):
        return file
    return kind["props"].get("value")


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    """Send the form of the login."""
    return client.post("/login", data={"name": name, "password": password}, headers=headers)


def taking_upload(page: Page) -> dict[str, Any]:
    """The event of the upload of a data set."""
    kinds = {each["id"]: each for each in page.config["components"]}
    return next(
        event
        for event in page.config["dependencies"]
        if any(kinds[number]["type"] in ("file", "uploadbutton") for number in event["inputs"])
    )


def uploaded(client: httpx.Client, content: bytes, name: str) -> dict[str, Any]:
    """Upload a file; return what a browser tells of it from then on."""
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    assert answer.status_code == 200, answer.text
    return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def press(client: httpx.Client, event: dict[str, Any], data: list[Any], below: str = "") -> tuple[int, str]:
    """Send an event as a plain request, to the page ``below`` this path."""
    body = {"fn_index": event["id"], "data": data, "session_hash": secrets.token_hex(5)}
    answer = client.post(f"{below}/gradio_api/run/predict", json=body)
    return answer.status_code, answer.text


def queue(client: httpx.Client, event: dict[str, Any], data: list[Any], below: str = "") -> tuple[int, str]:
    """Send an event by Gradio's queue, whose tasks are nobody's."""
    session = secrets.token_hex(5)
    body = {"fn_index": event["id"], "data": data, "session_hash": session}
    answer = client.post(f"{below}/gradio_api/queue/join", json=body)
    text = ""
    if answer.status_code == 200:
        text = _heard(client, f"{below}/gradio_api/queue/data?session_hash={session}")
    return answer.status_code, text


def run_named(
    client: httpx.Client, event: dict[str, Any], data: list[Any], below: str = ""
) -> tuple[int, str]:
    """Send an event as a plain request to the function's name."""
    answer = client.post(f"{below}/gradio_api/run/{event['api_name']}", json={"data": data})
    return answer.status_code, answer.text


def call_named(
    client: httpx.Client, event: dict[str, Any], data: list[Any], below: str = ""
) -> tuple[int, str]:
    """Call the function by its name, as clients in other languages do."""
    place = f"{below}/gradio_api/call/{event['api_name']}"
    answer = client.post(place, json={"data": data})
    if answer.status_code != 200:
        return answer.status_code, answer.text
    return answer.status_code, _heard(client, f"{place}/{answer.json()['event_id']}")


def _heard(client: httpx.Client, stream: str) -> str:
    """All that a stream of events says until the event is over."""
    text = ""
    with client.stream("GET", stream) as answer:
        for line in answer.iter_lines():
            text += line
            if '"process_completed"' in line or '"close_stream"' in line:
                break
    return text


def lines_in(shown: str) -> list[str]:
    """The lines in a page's HTML as they are copied."""
    codes = re.findall(r"<code>(.*?)</code>", shown, flags=re.DOTALL)
    return [html.unescape(re.sub("<[^>]+>", "", lines)) for lines in codes]


def texts(answer: str) -> list[str]:
    """All texts that an event's answer brings to the page."""
    found, waiting = [], [json.loads(answer)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return found
