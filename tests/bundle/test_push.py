"""A bundle goes to a server in the model hub's shape whole, and what the hub refuses is one sentence."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from learners import Heard
from test_bundle import write

from finetune.bundle.manifest import add_files
from finetune.bundle.push import push
from finetune.errors import ResourceError, RunError


@dataclass
class Uploads:
    """What was sent, by path, and what was to be ``deleted``; ``status`` is answered to every wish.

    ``lying`` are the files of an earlier upload.
    """

    url: str = ""
    status: int = 200
    files: dict[str, bytes] = field(default_factory=dict)
    token: str = ""
    lying: tuple[str, ...] = ()
    deleted: list[str] = field(default_factory=list)


class UploadHandler(BaseHTTPRequestHandler):
    uploads: Uploads

    def do_GET(self) -> None:
        if "/tree/" in self.path:
            self.answer(
                [{"type": "file", "path": name, "size": 1, "oid": "1"} for name in self.uploads.lying]
            )
            return
        facts = {"id": "someone/pears", "sha": "0" * 40, "siblings": [], "private": False, "tags": []}
        self.answer(facts, self.uploads.status)

    def do_HEAD(self) -> None:
        self.answer({})

    def do_PUT(self) -> None:
        """The bytes of a large file."""
        self.uploads.files[self.path] = self.body()
        self.answer({})

    def do_POST(self) -> None:
        body = self.body()
        self.uploads.token = self.headers.get("Authorization", "")
        if self.path.endswith("/repos/create"):
            answer = {
                "url": f"{self.uploads.url}/someone/pears",
                "id": "someone/pears",
                "name": "someone/pears",
            }
            self.answer(answer, self.uploads.status)
        elif self.uploads.status != 200:
            self.answer({}, self.uploads.status)
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            modes = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]
            self.answer({"files": modes})
        elif "/commit/" in self.path:
            for line in body.splitlines():
                part = json.loads(line)
                if part["key"] == "file":
                    self.uploads.files[part["value"]["path"]] = base64.b64decode(part["value"]["content"])
                elif part["key"] == "deletedFile":
                    self.uploads.deleted.append(part["value"]["path"])
            self.answer(
                {"commitUrl": f"{self.uploads.url}/someone/pears/commit/1", "commitOid": "1", "success": True}
            )
        else:
            self.answer({})

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, value: object, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    uploads = Uploads()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (UploadHandler,), {"uploads": uploads}))
    uploads.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", uploads.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_test")
    yield uploads
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write(tmp_path / "bundle")
    add_files(tmp_path / "bundle", {"MODEL_CARD.md": "---\nlicense: mit\n---\n# Pears\n"})
    return tmp_path / "bundle"


def test_all_files_arrive_as_they_lie_in_the_hub_folder(hub: Uploads, bundle: Path) -> None:
    pushed = push(bundle, "hf:someone/pears", offline=False, reporter=Heard())
    assert pushed.reason == ""
    assert pushed.address == f"{hub.url}/someone/pears"
    lying = {path.name: path.read_bytes() for path in pushed.folder.iterdir()}
    assert {"model.safetensors", "files.json", "README.md"} <= set(lying)
    assert hub.files == lying
    assert hub.token == "Bearer hf_of_this_test"


def test_what_an_earlier_upload_left_goes_and_other_files_stay(hub: Uploads, bundle: Path) -> None:
    hub.lying = ("head.safetensors", "picture.png", "config.json", ".gitattributes")
    push(bundle, "hf:someone/pears", offline=False, reporter=Heard())
    assert hub.deleted == ["head.safetensors"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_hub_is_one_sentence_that_names_the_folder(
    status: int, hub: Uploads, bundle: Path
) -> None:
    hub.status = status
    with pytest.raises(ResourceError, match=rf"could not be uploaded .*{status}.*the folder is .*hub-pears"):
        push(bundle, "hf:someone/pears", offline=False, reporter=Heard())
    assert (bundle.parent / "hub-pears" / "README.md").is_file()


def test_without_a_token_nothing_is_sent(hub: Uploads, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    assert "there is no token" in push(bundle, "hf:someone/pears", offline=False, reporter=Heard()).reason
    assert hub.files == {}


def test_a_bundle_that_nobody_would_know_is_not_given_away(bundle: Path) -> None:
    (bundle / "MODEL_CARD.md").unlink()
    with pytest.raises(RunError, match=r"has neither MODEL_CARD\.md nor report\.json"):
        push(bundle, "hf:someone/pears", offline=True, reporter=Heard())
    assert not (bundle.parent / "hub-pears").exists()
