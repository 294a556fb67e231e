"""Whose request it is: tokens, owners, guesses, and that nobody sees what is another's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from api_server import LIMITS, ApiServer, Person, photos, picture, put_job, put_model, sentence, serve_api

ANNS = 'Bearer realm="finetune"'


@dataclass(frozen=True)
class Two:
    """Ann has a data set, a job and a model; Ben has a token."""

    server: ApiServer
    ann: Person
    ben: Person
    dataset: str
    job: str
    model: str


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with (
        serve_api(tmp_path_factory.mktemp("service")) as server,
        server.person("ann") as ann,
        server.person("ben") as ben,
    ):
        dataset = ann.post("/datasets", files={"file": ("photos.zip", photos())}).json()["id"]
        job = ann.post("/jobs", json={"dataset": dataset}).json()["id"]
        model = put_model(server.context, "ann", dataset=dataset)
        yield Two(server, ann, ben, dataset, job, model)


def addresses(two: Two) -> list[tuple[str, str]]:
    """Every address of the API that takes an id, with Ann's."""
    document = two.ann.get("/openapi.json").json()
    ids = {"dataset_id": two.dataset, "job_id": two.job, "model_id": two.model}
    return [
        (method.upper(), path.removeprefix("/v1").format(**ids))
        for path, operations in document["paths"].items()
        for method in operations
        if "{" in path
    ]


def test_nothing_of_ann_s_can_be_reached_by_ben_at_any_address(two: Two) -> None:
    found = addresses(two)
    assert len(found) == 16
    for method, path in found:
        for own in (two.model, two.job):
            body = {"files": {"images": picture()}} if path.endswith("predict") else {}
            address = path.replace(two.job, own) if "/jobs/" in path else path
            told = sentence(two.ben.ask(method, address, **body), 404)  # type: ignore[arg-type]
            assert told.startswith("there is no such"), (method, address)
    for path, name in (("/datasets", "datasets"), ("/jobs", "jobs"), ("/models", "models")):
        assert two.ben.get(path).json()[name] == []
        assert two.ann.get(path).json()[name] != []
    assert sentence(two.ben.post("/jobs", json={"dataset": two.dataset}), 404) == "there is no such data set"
    assert two.ben.get("/jobs", params={"before": two.job}).status_code == 404
    assert two.ann.get(f"/models/{two.model}").status_code == 200


def test_a_stranger_gets_no_further_than_the_door(two: Two) -> None:
    with two.server.person() as stranger:
        for method, path in [*addresses(two), ("GET", "/jobs"), ("POST", "/datasets"), ("GET", "/models")]:
            answer = stranger.ask(method, path)
            assert sentence(answer, 401) == "this needs a token; send it as 'Authorization: Bearer TOKEN'"
            assert answer.headers["www-authenticate"] == ANNS
        assert stranger.http.get("/metrics").status_code == 401
        assert stranger.http.get("/healthz").json() == {"status": "ok"}
        assert stranger.http.get("/readyz").json() == {"status": "ready"}


def test_keys_of_two_people_do_not_meet(two: Two) -> None:
    mine = two.ben.post("/datasets", files={"file": ("own.zip", photos(1))}).json()["id"]
    key = {"idempotency-key": "k"}
    one = two.ann.post("/jobs", json={"dataset": two.dataset}, headers=key).json()
    other = two.ben.post("/jobs", json={"dataset": mine}, headers=key).json()
    assert one["id"] != other["id"]
    runs = {two.server.context.store.get(each["id"]).request["out"] for each in (one, other)}
    assert len(runs) == 2


def test_two_tokens_of_one_owner_see_the_same(two: Two) -> None:
    with two.server.person("ann-phone", owner="ann") as phone:
        assert phone.get(f"/jobs/{two.job}").status_code == 200


def test_a_token_ends_at_the_moment_it_is_revoked(two: Two) -> None:
    with two.server.person("guest") as guest:
        assert guest.get("/jobs").status_code == 200
        two.server.context.tokens.revoke("guest")
        assert "unknown, expired or revoked" in sentence(guest.get("/jobs"), 401)


def test_a_stranger_s_upload_is_not_even_read(two: Two) -> None:
    with two.server.person() as stranger:
        answer = stranger.post("/datasets", content=(b"x" * 100_000 for _ in range(5000)))
        sentence(answer, 401)
    assert list(two.server.context.arriving.iterdir()) == []


def test_guesses_are_throttled_and_a_good_token_still_opens(tmp_path: Path) -> None:
    limits = replace(LIMITS, failures=3)
    with (
        serve_api(tmp_path, limits=limits) as server,
        server.person("ann") as ann,
        server.person() as guesser,
    ):
        for guess in range(3):
            wrong = {"authorization": f"Bearer ft_{guess:012x}_{'A' * 43}"}
            assert guesser.get("/jobs", headers=wrong).status_code == 401
        answer = guesser.get("/jobs", headers={"authorization": "Bearer nonsense"})
        assert "too many wrong tokens" in sentence(answer, 429)
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert ann.get("/jobs").status_code == 200
        # The page's door counts too.
        assert guesser.http.get("/", auth=("any", "wrong")).status_code == 429


def test_without_any_token_this_computer_is_let_in_and_others_are_not(tmp_path: Path) -> None:
    with serve_api(tmp_path / "local") as server, server.person() as me:
        assert me.get("/jobs").status_code == 200
        server.context.tokens.create("ann")
        assert me.get("/jobs").status_code == 401
        server.context.tokens.revoke("ann")
        assert me.get("/jobs").status_code == 401
    with serve_api(tmp_path / "far", is_local=False) as server, server.person() as me:
        assert me.get("/jobs").status_code == 401


def test_what_was_made_before_any_token_is_opened_by_the_owner_local(tmp_path: Path) -> None:
    with serve_api(tmp_path) as server:
        with server.person() as alone:
            made = alone.post("/datasets", files={"file": ("photos.zip", photos())}).json()["id"]
        with server.person("ann") as ann, server.person("me", owner="local") as me:
            assert ann.get("/datasets").json()["datasets"] == []
            assert [each["id"] for each in me.get("/datasets").json()["datasets"]] == [made]


def test_the_page_s_door_asks_a_browser_for_the_token(two: Two) -> None:
    with two.server.person() as stranger:
        answer = stranger.http.get("/")
        sentence(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Basic ")
        # Nothing is mounted there in this server, so that whoever is let in finds nothing.
        assert stranger.http.get("/", auth=("me", two.ann.token)).status_code == 404
        assert stranger.http.get("/", headers={"authorization": "Basic %%%"}).status_code == 401
        assert stranger.http.get("/healthz/../secret").status_code in (401, 404)


def test_what_jobs_of_others_hold_does_not_show_in_the_counts_of_requests(two: Two) -> None:
    put_job(two.server.context, "ann", "failed", {"data": "/secret/place", "out": "/secret/run"})
    two.ann.get("/jobs/" + "1" * 32)
    text = two.ann.http.get("/metrics").text
    assert 'finetune_jobs{state="failed"} 1.0' in text
    assert 'route="/jobs/{job_id}",status="404"' in text
    assert "1" * 32 not in text
    assert "secret" not in text
