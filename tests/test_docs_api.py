"""Every line of the page on the API runs against a running server, in its order."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from api_server import photos, picture
from page_server import REPOSITORY, serve_page
from warm import warm_processes

from finetune.service.tokens import TOKENS, TokenStore

PAGE = REPOSITORY / "docs" / "api.md"


def code(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def with_a_tiny_network(text: str) -> str:
    """The same with a network that takes seconds."""
    upload, recipe = '-F file=@photos.zip "$V1/datasets"', '\\"strategy\\": \\"freeze-all\\"'
    for old, new in (
        (upload, f'{upload[:-1]}?backbone=test_resnet"'),
        ("?name=photos.zip", "?name=photos.zip&backbone=test_resnet"),
        ('client.upload("photos.zip")', 'client.upload("photos.zip", backbone="test_resnet")'),
        (recipe, f'{recipe}, \\"backbone\\": \\"test_resnet\\", \\"image_size\\": 32'),
        (
            '{"strategy": "freeze-all"}',
            '{"strategy": "freeze-all", "backbone": "test_resnet", "image_size": 32}',
        ),
    ):
        text = text.replace(old, new)
    return text


def test_the_page_s_lines_run(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("jq") is None:
        pytest.skip("no curl or no jq; install both")
    folder = tmp_path / "here"
    _, token = TokenStore(folder / "service" / TOKENS).create("ann")
    (folder / "photos.zip").write_bytes(photos(8))
    for name, kind in (("new", "apple"), ("other", "lime")):
        (folder / f"{name}.jpg").write_bytes(picture(kind, 99))
    script = with_a_tiny_network("set -euo pipefail\n" + "".join(code("sh")))
    assert script.count("test_resnet") == 3
    assert script.count("curl ") >= 25
    with warm_processes(), serve_page(folder, "--no-page", command="serve") as served:
        environment = os.environ | {"URL": served.url, "TOKEN": token, "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        program = with_a_tiny_network(code("python")[0])
        assert program.count("test_resnet") == 2
        head = f"URL, TOKEN = {served.url!r}, {token!r}\n"
        told = subprocess.run(
            [sys.executable, "-c", head + program],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert told.returncode == 0, told.stderr[-2000:]
        assert "new.jpg" in told.stdout
        assert (folder / "model.zip").is_file()
        for name in ("answers", "many"):
            header, *rows = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
            assert header.startswith("path,label,probability,error,")
            assert len(rows) == 24
