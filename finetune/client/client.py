"""The client: a method for each address of the service."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import httpx

from finetune.client.nouns import (
    ENDED,
    ApiError,
    Dataset,
    Event,
    Health,
    Job,
    Model,
    Prediction,
    made,
    prediction_of,
)
from finetune.errors import ResourceError

TIMEOUT_S = 60.0
UPLOAD_TIMEOUT_S = 3600.0
ASKED_EVERY_S = 1.0
TOKEN_VARIABLE = "FINETUNE_TOKEN"
Format = Literal["bundle", "onnx"]
Rows = Literal["csv", "jsonl"]


class Client:
    """A connection to the service at ``url``; ``token`` is else taken from the variable FINETUNE_TOKEN."""

    def __init__(self, url: str, *, token: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        token = token or os.environ.get(TOKEN_VARIABLE)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1", headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def upload(self, archive: str | Path, *, backbone: str = "auto") -> Dataset:
        """Hand in a zip or tar with a folder for each class; the server begins to look at it."""
        return made(Dataset, self._send("/datasets", Path(archive), {"backbone": backbone}))

    def datasets(self) -> list[Dataset]:
        """List your data sets, the newest first."""
        return [made(Dataset, each) for each in self._ask("GET", "/datasets")["datasets"]]

    def health(self, dataset: str, *, wait: bool = False) -> Health:
        """Tell what was found in a data set; ``wait`` until all is known."""
        while True:
            found = made(Health, self._ask("GET", f"/datasets/{dataset}/health"))
            if not wait or found.state in ENDED:
                return found
            time.sleep(ASKED_EVERY_S)

    def delete_dataset(self, dataset: str) -> None:
        """Delete a data set with all its images."""
        self._ask("DELETE", f"/datasets/{dataset}")

    def fit(
        self,
        dataset: str,
        recipe: Mapping[str, Any] | None = None,
        *,
        title: str = "",
        key: str | None = None,
    ) -> Job:
        """Queue a fine-tuning; ``recipe`` has the fields of `finetune.Recipe`, empty for everything as advised.

        Sent again with the same ``key`` it gives the first one's job and starts no second.
        """
        body = {"dataset": dataset, "recipe": dict(recipe or {}), "title": title}
        headers = {} if key is None else {"idempotency-key": key}
        return made(Job, self._ask("POST", "/jobs", json=body, headers=headers))

    def jobs(self) -> Iterator[Job]:
        """Go through your jobs, the newest first."""
        return (made(Job, each) for each in self._pages("/jobs", "jobs"))

    def job(self, job: str | Job) -> Job:
        """Tell where a job is."""
        return made(Job, self._ask("GET", f"/jobs/{_id(job)}"))

    def wait(self, job: str | Job) -> Job:
        """Wait until a job has ended, however it does."""
        while not (found := self.job(job)).has_ended:
            time.sleep(ASKED_EVERY_S)
        return found

    def cancel(self, job: str | Job) -> Job:
        """Stop a job, keeping what it has."""
        return self._act(job, "cancel")

    def retry(self, job: str | Job) -> Job:
        """Queue a job again that failed or was stopped."""
        return self._act(job, "retry")

    def resume(self, job: str | Job) -> Job:
        """Go on with a job that left something to go on with."""
        return self._act(job, "resume")

    def metrics(self, job: str | Job, *, since: int = 0) -> list[Mapping[str, float | None]]:
        """Give the rows of a job's numbers after the first ``since``."""
        rows: list[Mapping[str, float | None]] = self._ask(
            "GET", f"/jobs/{_id(job)}/metrics", params={"since": since}
        )["rows"]
        return rows

    def log(self, job: str | Job) -> str:
        """Give a job's log so far."""
        text, offset = "", 0
        while True:
            answer = self._ask("GET", f"/jobs/{_id(job)}/log", params={"offset": offset})
            if not answer["text"]:
                return text
            text, offset = text + answer["text"], answer["next"]

    def events(self, job: str | Job) -> Iterator[Event]:
        """Follow a job until it has ended."""
        with (
            _reaching(),
            self._http.stream("GET", f"/jobs/{_id(job)}/events", timeout=httpx.Timeout(TIMEOUT_S)) as answer,
        ):
            if answer.is_error:
                answer.read()
                _raise(answer)
            name = ""
            for line in answer.iter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    yield Event(name, json.loads(value))

    def models(self) -> Iterator[Model]:
        """Go through your models, the newest first."""
        return (made(Model, each) for each in self._pages("/models", "models"))

    def model(self, model: str) -> Model:
        """Tell what a model is and how good it was."""
        return made(Model, self._ask("GET", f"/models/{model}"))

    def predict(
        self,
        model: str,
        images: Sequence[str | Path],
        *,
        top: int = 5,
        coverage: float = 0.9,
        explain: bool = False,
    ) -> list[Prediction]:
        """Classify 1 to 64 images; with ``explain`` (8 at most) also what spoke for each answer."""
        with contextlib.ExitStack() as opened:
            files = [
                ("images", (Path(image).name, opened.enter_context(Path(image).open("rb"))))
                for image in images
            ]
            params = {"top": top, "coverage": coverage, **({"explain": "gradcam"} if explain else {})}
            answer = self._ask("POST", f"/models/{model}/predict", files=files, params=params)
        return [prediction_of(each) for each in answer["predictions"]]

    def predict_batch(
        self,
        model: str,
        archive: str | Path | None = None,
        *,
        dataset: str | None = None,
        format: Rows = "csv",
        top: int = 3,
        tta: bool = False,
        coverage: float | None = None,
        title: str = "",
        key: str | None = None,
    ) -> Job:
        """Queue predictions for all images of a zip or tar, or of a data set of yours; `result` gets the answers.

        Sent again with the same ``key`` it gives the first one's job and starts no second.
        Raises TypeError unless it is given one of the two.
        """
        if (archive is None) == (dataset is None):
            raise TypeError("give an archive or a data set, one of them")
        address = f"/models/{model}/predict-batch"
        params: dict[str, Any] = {"format": format, "top": top, "tta": tta}
        params |= {} if coverage is None else {"coverage": coverage}
        params |= {"title": title} if title else {}
        headers = {} if key is None else {"idempotency-key": key}
        if archive is None:
            body = {"dataset": dataset}
            return made(Job, self._ask("POST", address, params=params, json=body, headers=headers))
        return made(Job, self._send(address, Path(archive), params, headers))

    def result(self, job: str | Job, target: str | Path) -> Path:
        """Write the answers of a job of `predict_batch`, once it is done, to the file ``target``."""
        return self._write(target, f"/jobs/{_id(job)}/result", {})

    def delete_job(self, job: str | Job) -> None:
        """Delete a job that has ended with all that it left, its model or its answers too."""
        self._ask("DELETE", f"/jobs/{_id(job)}")

    def download(self, model: str, target: str | Path, *, format: Format = "bundle") -> Path:
        """Write a model to the file ``target``: its bundle as a zip, or one ONNX file."""
        return self._write(target, f"/models/{model}/download", {"format": format})

    def _write(self, target: str | Path, address: str, params: Mapping[str, str]) -> Path:
        path = Path(target)
        unfinished = path.with_name(f".{path.name}.tmp")
        try:
            with (
                _reaching(),
                self._http.stream("GET", address, params=params, timeout=UPLOAD_TIMEOUT_S) as answer,
                unfinished.open("wb") as stream,
            ):
                if answer.is_error:
                    answer.read()
                    _raise(answer)
                for piece in answer.iter_bytes():
                    stream.write(piece)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path

    def delete_model(self, model: str) -> None:
        """Delete a model and all of its run."""
        self._ask("DELETE", f"/models/{model}")

    def _send(
        self, address: str, archive: Path, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Any:
        with archive.open("rb") as stream:
            return self._ask(
                "POST",
                address,
                params={"name": archive.name, **params},
                content=stream,
                headers={"content-type": "application/octet-stream", **(headers or {})},
                timeout=UPLOAD_TIMEOUT_S,
            )

    def _act(self, job: str | Job, verb: str) -> Job:
        return made(Job, self._ask("POST", f"/jobs/{_id(job)}/{verb}"))

    def _pages(self, path: str, name: str) -> Iterator[Any]:
        params: dict[str, Any] = {"limit": 100}
        while True:
            answer = self._ask("GET", path, params=params)
            yield from answer[name]
            if answer["next"] is None:
                return
            params["before"] = answer["next"]

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        with _reaching():
            answer = self._http.request(method, path, **options)
        if answer.is_error:
            _raise(answer)
        return answer.json() if answer.content else None


@contextlib.contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise ResourceError(
            f"the service does not answer ({error or type(error).__name__}); check its address and that it runs"
        ) from None


def _raise(answer: httpx.Response) -> None:
    try:
        problem = answer.json()
        sentence = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        problem, sentence = {}, f"the server answered {answer.status_code} {answer.reason_phrase}"
    raise ApiError(answer.status_code, sentence, problem)


def _id(job: str | Job) -> str:
    return job if isinstance(job, str) else job.id
