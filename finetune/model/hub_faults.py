"""What went wrong between this machine and the model hub, in words, and whether trying again may help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

HUB_FILE = "model.safetensors"
FAILED = "could not be downloaded"
REFUSALS = {
    401: "is not shown by the hub without a token that may read it (401); set HF_TOKEN if it is yours",
    403: "may not be read with this token (403); accept its terms on the hub, or set another HF_TOKEN",
    404: "is not on the hub (404)",
}
"""Answers that will be the same next time."""
PASSING = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Fault:
    """The rest of a sentence that begins with the weights' name, and what kind of fault it is.

    A ``refusal`` is the hub's own word and will be the same next time; ``unreachable`` means that nobody is
    there, which is worth another try only where somebody was there a moment ago; ``passing`` always is.
    """

    why: str
    kind: Literal["refusal", "unreachable", "passing"]


class BrokenOffError(Exception):
    """Fewer bytes, or other ones, than the hub promised."""


def explain(error: Exception) -> Fault | None:
    """Say what ``error`` means; None for one that has nothing to do with the network.

    The hub's client speaks through httpx in its first version and httpx2 in its second; both call their errors
    the same, so names are looked at.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"HfHubHTTPError", "HTTPStatusError"}:
        return _of_answer(error, kinds)
    if "FileMetadataError" in kinds:
        return Fault(f"{FAILED} (what answers is no model hub; look at HF_ENDPOINT)", "refusal")
    if "ConnectTimeout" in kinds:
        return Fault(f"{FAILED} (the model hub does not answer in time)", "unreachable")
    if "TimeoutException" in kinds:
        return Fault(f"{FAILED} (the model hub has stalled)", "passing")
    if kinds & {"ConnectError", "ProxyError"}:
        return Fault(f"{FAILED} (the model hub cannot be reached: {_reason(error)})", "unreachable")
    if kinds & {"NetworkError", "RemoteProtocolError", "BrokenOffError"}:
        return Fault(f"{FAILED} (the connection broke off)", "passing")
    if kinds & {"HTTPError", "InvalidURL"}:
        return Fault(f"{FAILED} ({_reason(error)}; look at HF_ENDPOINT)", "refusal")
    return None


def _of_answer(error: Exception, kinds: set[str]) -> Fault:
    status = int(getattr(getattr(error, "response", None), "status_code", 0))
    if "GatedRepoError" in kinds:
        return Fault(REFUSALS[403].replace("403", str(status)), "refusal")
    if kinds & {"RemoteEntryNotFoundError", "EntryNotFoundError"}:
        return Fault(f"has no file {HUB_FILE} on the hub ({status})", "refusal")
    if status in PASSING:
        return Fault(f"{FAILED} (the model hub answers with its fault {status})", "passing")
    return Fault(REFUSALS.get(status, f"{FAILED} (the model hub answers {status})"), "refusal")


def _reason(error: Exception) -> str:
    """Return the error's own words without the number in front."""
    return re.sub(r"^\[.*?\] ?", "", " ".join(str(error).split()))[:120] or type(error).__name__
