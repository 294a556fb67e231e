"""Handing in data sets over HTTP: what is taken, what is refused, and what stays on the disk."""

import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from api_server import LIMITS, ApiServer, Person, packed, photos, picture, put_job, sentence, serve_api

from finetune.service.projects import new_project
from finetune.service.room import kept_in_page


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with serve_api(tmp_path_factory.mktemp("service")) as server:
        yield server


@pytest.fixture(scope="module")
def me(server: ApiServer) -> Iterator[Person]:
    with server.person() as person:
        yield person


def left_over(server: ApiServer) -> list[str]:
    """What lies where uploads arrive, and what is no data set."""
    folders = (server.context.data_dir / "datasets").iterdir()
    odd = [path.name for path in folders if not (path / "dataset.json").is_file()]
    return [path.name for path in server.context.arriving.iterdir()] + odd


def test_a_zip_in_a_form_becomes_a_data_set_and_is_looked_at(server: ApiServer, me: Person) -> None:
    answer = me.post("/datasets", files={"file": ("my photos.zip", photos())})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["n_files"]) == ("my photos", 6)
    assert answer.headers["location"] == f"/api/v1/datasets/{made['id']}/health"
    assert me.get("/datasets").json()["datasets"][0] == made
    job = me.get(f"/jobs/{made['job']}").json()
    assert (job["kind"], job["state"], job["dataset"]) == ("analyse", "queued", made["id"])
    health = me.get(f"/datasets/{made['id']}/health")
    assert health.status_code == 202
    assert health.json()["state"] == "queued"
    assert left_over(server) == []


def test_a_tar_as_the_bare_body_is_taken_too(me: Person) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for kind in ("apple", "lime"):
            content = picture(kind)
            info = tarfile.TarInfo(f"{kind}/0.png")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    answer = me.post("/datasets", params={"name": "fruit.tar.gz"}, content=stream.getvalue())
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["n_files"]) == ("fruit", 2)


def test_a_data_set_that_is_deleted_is_gone_from_the_disk(server: ApiServer, me: Person) -> None:
    made = me.post("/datasets", files={"file": ("a.zip", photos())}).json()
    folder = server.context.data_dir / "datasets" / made["id"]
    pictures = server.context.view(server.context.store.get(made["job"])).folder
    pictures.mkdir(parents=True)
    assert folder.is_dir()
    assert me.ask("DELETE", f"/datasets/{made['id']}").status_code == 204
    assert not folder.exists()
    assert not pictures.exists()
    assert sentence(me.get(f"/datasets/{made['id']}/health"), 404) == "there is no such data set"
    assert sentence(me.get(f"/jobs/{made['job']}"), 404) == "there is no such job"


def test_a_data_set_that_a_job_is_to_use_stays(server: ApiServer, me: Person) -> None:
    made = me.post("/datasets", files={"file": ("b.zip", photos())}).json()
    job = me.post("/jobs", json={"dataset": made["id"]}).json()
    told = sentence(me.ask("DELETE", f"/datasets/{made['id']}"), 409)
    assert told == f"the job {job['id']} is still to use this data set; cancel it, or wait"
    me.post(f"/jobs/{job['id']}/cancel")
    assert me.ask("DELETE", f"/datasets/{made['id']}").status_code == 204


def test_what_was_found_is_told_without_a_path_of_the_server(server: ApiServer, me: Person) -> None:
    made = me.post("/datasets", files={"file": ("seen.zip", photos())}).json()
    job = server.context.store.get(made["job"])
    folder = server.context.view(job).folder
    folder.mkdir(parents=True)
    path = job.request["data"]
    (folder / "result.json").write_text(f'{{"health": {{"usable": false, "findings": ["{path}/x"]}}}}')
    health = me.get(f"/datasets/{made['id']}/health").json()
    assert health["health"] == {"usable": False, "findings": ["seen/x"]}
    assert health["advice"] is None


@pytest.mark.parametrize("declared", [True, False])
def test_more_than_the_limit_is_refused_and_leaves_nothing(
    server: ApiServer, me: Person, declared: bool
) -> None:
    before = shutil.disk_usage(server.context.data_dir).used
    piece = b"x" * 100_000
    pieces = (piece for _ in range(500)) if not declared else b"x" * 50_000_000
    answer = me.post("/datasets", content=pieces)
    assert sentence(answer, 413) == "the request's body is larger than 2 MB; send less"
    assert left_over(server) == []
    assert shutil.disk_usage(server.context.data_dir).used - before < 20_000_000


def test_more_than_the_limit_in_a_form_is_refused(server: ApiServer, me: Person) -> None:
    answer = me.post("/datasets", files={"file": ("big.zip", b"x" * 3_000_000)})
    assert sentence(answer, 413).startswith("the request's body is larger than 2 MB")
    assert left_over(server) == []


def test_a_giant_field_does_not_fill_the_memory(me: Person) -> None:
    answer = me.post("/datasets", files={"file": ("a.zip", b"PK")}, data={"note": "x" * 100_000})
    assert sentence(answer, 413) == "a field is too large; send a smaller one"


def test_a_disk_that_is_nearly_full_is_said_before_the_body_is_taken(tmp_path: Path) -> None:
    with serve_api(tmp_path, limits=replace(LIMITS, reserve=10**18)) as full, full.person() as me:
        assert "disk is too full" in sentence(me.post("/datasets", content=photos()), 507)
        assert "disk is too full" in sentence(me.http.get("/readyz"), 507)


def bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/0.bmp", b"\0" * 300_000_000)
    return stream.getvalue()


def linked() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a/passwd.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return stream.getvalue()


def escaping_tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("../../evil.png")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the body is empty; send a zip or a tar"),
        (b"hello", "bad.zip is not a zip; give a folder or a zip of one"),
        (photos()[:400], "bad.zip is cut off: the end of the zip is missing; download or copy it again"),
        (
            packed(**{"..__..__evil.png": b"x"}),
            "'../../evil.png' in bad.zip leads out of the archive with '..'; make the archive again without that",
        ),
        (
            packed(**{"__etc__x.png": b"x"}),
            "'/etc/x.png' in bad.zip has an absolute path; make the archive again without that",
        ),
        (
            linked(),
            "'a/passwd.png' in bad.zip is a link, a device or another special file; "
            "make the archive again without that",
        ),
        (bomb(), "bad.zip would grow more than 200 times, as a zip bomb does; give a folder instead"),
        (
            escaping_tar(),
            "'../../evil.png' in bad.zip leads out of the archive with '..'; make the archive again without that",
        ),
    ],
    ids=["empty", "no archive", "cut off", "zip slip", "absolute", "link", "bomb", "tar slip"],
)
def test_an_unsafe_archive_is_refused_whole(server: ApiServer, me: Person, content: bytes, told: str) -> None:
    before = len(me.get("/datasets").json()["datasets"])
    assert sentence(me.post("/datasets", params={"name": "bad.zip"}, content=content), 422) == told
    assert len(me.get("/datasets").json()["datasets"]) == before
    assert left_over(server) == []
    assert not list(server.context.data_dir.rglob("evil*"))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.zip", "passwd"),
        ("..\\..\\evil.zip", "evil"),
        ("/etc/cron.d/x.zip", "x"),
        ('a"; filename="b.zip', "a- filename-b"),
        ("\u202egnp.zip", "gnp"),
        ("<script>alert(1)</script>.zip", "script"),
        ("....zip", "images"),
        ("x" * 190 + ".zip", "x" * 80),
        ("照片.zip", "照片"),
    ],
)
def test_a_malicious_name_is_only_a_name(server: ApiServer, me: Person, name: str, shown: str) -> None:
    made = me.post("/datasets", params={"name": name}, content=photos(1)).json()
    assert made["name"] == shown
    folder = server.context.data_dir / "datasets" / made["id"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(["dataset.json", shown])


def test_a_body_that_ends_too_soon_is_refused(server: ApiServer, me: Person) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n' + photos()
    answer = me.post("/datasets", content=form, headers={"content-type": "multipart/form-data; boundary=b"})
    assert sentence(answer, 422) == "the multipart body is cut off before its end; send it again"
    answer = me.post(
        "/datasets", content=b"garbage", headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert sentence(answer, 422) == "the multipart body is damaged; send it again"
    answer = me.post("/datasets", data={"note": "x"}, files={})
    assert sentence(answer, 422) == "images is not a zip; give a folder or a zip of one"


def test_an_unknown_backbone_is_refused_before_the_body(me: Person) -> None:
    answer = me.post("/datasets", params={"backbone": "resnet5000"}, content=photos(1))
    assert "resnet5000" in sentence(answer, 422)


def test_data_sets_that_an_owner_has_in_the_page_count_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    project = new_project(home, sample="digits", owner="ann")
    (project.folder / "images.zip").write_bytes(b"x" * 5000)
    elsewhere = partial(kept_in_page, home)
    for limits, status in ((replace(LIMITS, datasets=1), 429), (replace(LIMITS, kept=5010), 413)):
        with (
            serve_api(tmp_path / str(status), limits=limits, elsewhere=elsewhere) as small,
            small.person("ann") as ann,
            small.person("ben") as ben,
        ):
            sentence(ann.post("/datasets", content=photos(1)), status)
            if status == 429:
                assert ben.post("/datasets", content=photos(1)).status_code == 201


def test_too_many_data_sets_are_refused(tmp_path: Path) -> None:
    with serve_api(tmp_path, limits=replace(LIMITS, datasets=1, kept=10)) as small, small.person() as me:
        assert "would take more than" in sentence(me.post("/datasets", content=photos(1)), 413)
        assert left_over(small) == []
    with serve_api(tmp_path, limits=replace(LIMITS, datasets=1)) as small, small.person() as me:
        assert me.post("/datasets", content=photos(1)).status_code == 201
        assert "which is the most" in sentence(me.post("/datasets", content=photos(1)), 429)


def test_what_a_killed_server_left_half_is_removed_at_the_start(tmp_path: Path) -> None:
    half = tmp_path / "datasets" / ("0" * 32) / "photos"
    half.mkdir(parents=True)
    (tmp_path / "arriving" / "x").mkdir(parents=True)
    with serve_api(tmp_path) as server, server.person() as me:
        assert me.get("/datasets").json() == {"datasets": []}
        assert left_over(server) == []


def test_a_job_of_no_data_set_names_none(server: ApiServer, me: Person) -> None:
    job = put_job(server.context, "", "failed", {"data": "/elsewhere", "out": "/nowhere"})
    assert me.get(f"/jobs/{job}").json()["dataset"] is None
