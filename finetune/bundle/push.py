"""Write a bundle as a repository of the model hub, and upload it where there is a network and a token.

The user's own images stay at home: the reference images become drawn ones, and this machine's paths go from the
recipe and the report.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml

from finetune.bundle.bundle import Bundle, bundle_folder, load_bundle
from finetune.bundle.card import CARD, UNSTATED, card_text
from finetune.bundle.manifest import MANIFEST, SCHEMA, SCHEMA_KEY, seal
from finetune.bundle.reference import make_references, write_references
from finetune.errors import OptionError, ResourceError, RunError
from finetune.model.backbones import find_backbone
from finetune.progress import Reporter

HUB = "hf:"
OURS = ("*.json", "*.safetensors", "recipe.yaml")
"""What an earlier upload may have left in the repository and would be foreign now; other files stay there."""
_NAME = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?")
"""A repository, with its owner or without (huggingface_hub's `validate_repo_id` knows the finer rules)."""


@dataclass(frozen=True)
class Pushed:
    """Where the hub folder lies, and the address that it was uploaded to, or why it was not."""

    folder: Path
    repository: str
    address: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return {
            "folder": str(self.folder),
            "repository": self.repository,
            "uploaded": bool(self.address),
            "address": self.address or None,
            "reason": self.reason or None,
        }


def push(
    folder: Path,
    to: str,
    *,
    out: Path | None = None,
    private: bool = False,
    offline: bool,
    reporter: Reporter,
) -> Pushed:
    """Write the bundle in ``folder`` to ``out`` (default: beside it) for the repository ``to``, and upload it.

    Without a network or a token the folder is written all the same, and `Pushed.reason` says what was missing.

    Raises OptionError for a name that cannot be, RunError when ``out`` holds something else than such a folder
    or the bundle cannot be loaded, and ResourceError when the hub refuses the upload.
    """
    repository = _repository(to)
    bundle = load_bundle(folder)
    target = out or _beside(bundle_folder(folder), repository)
    _write(bundle, target)
    card = (target / "README.md").read_text(encoding="utf-8")
    if UNSTATED in card:
        reporter.say(f"note: {target / 'README.md'} does not state the licence of the data yet; add it there")
    address, reason = _upload(target, repository, private=private, offline=offline, reporter=reporter)
    return Pushed(target, repository, address, reason)


def _repository(to: str) -> str:
    name = to.removeprefix(HUB)
    if not to.startswith(HUB) or not _NAME.fullmatch(name) or ".." in name or name.startswith((".", "-")):
        raise OptionError(f"--to {to} is no repository of the hub; write hf:OWNER/NAME")
    return name


def _beside(folder: Path, repository: str) -> Path:
    return folder.parent / f"hub-{repository.rpartition('/')[2]}"


def _write(bundle: Bundle, target: Path) -> None:
    """Write the hub folder whole; one that an earlier push left is replaced."""
    if target.exists() and not (target / MANIFEST).is_file() and (target.is_file() or any(target.iterdir())):
        raise RunError(f"--out {target} holds something else; give a folder that is empty or does not exist")
    if target.resolve() == bundle.folder.resolve() or target.resolve() in bundle.folder.resolve().parents:
        raise RunError(f"--out {target} is the bundle's own place; give another folder")
    unfinished = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        for path in sorted(bundle.folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                shutil.copyfile(path, unfinished / path.name)
        _make_public(bundle, unfinished)
        seal(unfinished)
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _make_public(bundle: Bundle, folder: Path) -> None:
    write_references(folder, make_references(bundle.model, bundle.preprocessing))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _write_json(folder / "config.json", {SCHEMA_KEY: SCHEMA, **config})
    recipe, report = folder / "recipe.yaml", folder / "report.json"
    if recipe.is_file():
        values = _without_places(yaml.safe_load(recipe.read_text(encoding="utf-8")))
        recipe.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    if report.is_file():
        _write_json(report, _without_places(json.loads(report.read_text(encoding="utf-8"))))
    card = folder / CARD
    text = card.read_text(encoding="utf-8") if card.is_file() else _fresh_card(bundle, folder)
    card.unlink(missing_ok=True)
    (folder / "README.md").write_text(text, encoding="utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _without_places(value: Any) -> Any:
    """Return ``value`` with the bare names of files in place of their paths on this machine."""
    if isinstance(value, dict):
        return {key: _without_places(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_places(inner) for inner in value]
    if isinstance(value, str):
        for kind in (PurePosixPath, PureWindowsPath):
            if kind(value).is_absolute():
                return kind(value).name
    return value


def _fresh_card(bundle: Bundle, folder: Path) -> str:
    """Return the card of a bundle that came without one; raises RunError where it has no report either."""
    report = folder / "report.json"
    if not report.is_file():
        raise RunError(
            f"{bundle.folder} has neither {CARD} nor report.json, so that nobody would know what it is; "
            f"write a {CARD} into it, or push a finished run"
        )
    return card_text(
        json.loads(report.read_text(encoding="utf-8")),
        preprocessing=bundle.preprocessing,
        base_model=find_backbone(bundle.backbone).hub_id,
    )


def _upload(
    folder: Path, repository: str, *, private: bool, offline: bool, reporter: Reporter
) -> tuple[str, str]:
    """Return the address of the repository, or an empty one and why nothing was uploaded."""
    from huggingface_hub import HfApi, get_token

    from finetune.model.hub import is_offline
    from finetune.model.hub_faults import explain

    if is_offline(offline):
        return "", "the network is off limits (--offline or HF_HUB_OFFLINE)"
    token = get_token()
    if not token:
        return "", "there is no token (set HF_TOKEN to one that may write)"
    api = HfApi(token=token)
    reporter.say(f"uploading {folder} to {repository}")
    try:
        made = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            commit_message="Upload the classifier",
            delete_patterns=list(OURS),
        )
    except Exception as error:
        fault = explain(error)
        if fault is None:
            raise
        if fault.kind == "unreachable":
            return "", "the model hub cannot be reached"
        raise ResourceError(
            f"{repository} could not be uploaded ({_status(error)}); the folder is {folder}; look at HF_TOKEN and "
            "the name, then run the same command again"
        ) from error
    return str(made), ""


def _status(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"the model hub answers {status}" if status else " ".join(str(error).split())[:120]
