"""Weights come from the hub whole or not at all, a broken download goes on, and every failure has its sentence."""

import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import pytest
import torch
from hub_server import COMMIT, Hub, hub_server, write_weights
from networks import network, snapshot
from safetensors.torch import load_file, save_file

import finetune.model.hub as hub_module
from finetune.errors import FinetuneError, ResourceError, WeightsError
from finetune.model.backbones import CATALOGUE
from finetune.model.build import build, build_empty
from finetune.model.file_hash import sha256_of
from finetune.model.hub import cached_file, hub_answers
from finetune.model.weights import choose_backbone, locate_weights, whereabouts
from finetune.progress import Advance

TINY, RESNET, VGG = (CATALOGUE[name] for name in ("test_resnet", "resnet18", "vgg11"))
FILE = "model.safetensors"
WAYS = (
    r"; either use --backbone tf_efficientnet_lite0 \(its weights are installed\), "
    r"or give --weights FILE\.safetensors or FILE\.pth, or run once with a network"
)
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*hf_xet.*"),
]


class Listener:
    """Keeps what is said and counted."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.counts: list[tuple[int, int]] = []
        self.titles: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        self.titles.append(title)
        yield lambda done, total: self.counts.append((done, total))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Generated weights of the tiny network and of ResNet-18, as the hub would offer them."""
    folder = tmp_path_factory.mktemp("offered")
    for backbone in (TINY, RESNET):
        save_file(
            snapshot(network(backbone.name, n_classes=1000, seed=7)), folder / f"{backbone.name}.safetensors"
        )
    return {backbone.hub_id: folder / f"{backbone.name}.safetensors" for backbone in (TINY, RESNET)}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own, and no long waits."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_ETAG_TIMEOUT", 1)
    monkeypatch.setattr(hub_module, "WAITS_S", (0.01, 0.01, 0.01))
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "hub"


@pytest.fixture
def hub(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server(files) as running:
        point_to(running.url, monkeypatch)
        yield running


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def part_of(cache: Path) -> Path:
    (part,) = cache.glob("models--*/blobs/*.incomplete")
    return part


# What arrives.


def test_weights_arrive_whole_once_and_are_found_in_the_cache_from_then_on(
    hub: Hub, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener()
    record = locate_weights(RESNET, "auto", offline=False, reporter=listener)
    assert (record.source, record.origin) == ("hub", "timm/resnet18.tv_in1k")
    assert record.sha256 == sha256_of(files[RESNET.hub_id])
    assert record.path is not None
    assert record.path.read_bytes() == files[RESNET.hub_id].read_bytes()
    assert listener.said == ["downloading timm/resnet18.tv_in1k, 46.8 MB"]
    assert listener.titles == ["downloading timm/resnet18.tv_in1k (MB)"]
    assert listener.counts == sorted(listener.counts)
    assert len(listener.counts) >= 47
    assert listener.counts[-1] == (47, 47)
    point_to("http://127.0.0.1:9", monkeypatch)
    again = locate_weights(RESNET, "hub", offline=False)
    assert (again.source, again.path, again.sha256) == ("cache", record.path, record.sha256)
    assert whereabouts(RESNET) == "in cache"


def test_the_cache_is_the_one_of_the_hub_s_own_client(hub: Hub, cache: Path) -> None:
    record = locate_weights(TINY, "hub", offline=False)
    found = huggingface_hub.hf_hub_download(TINY.hub_id, FILE, cache_dir=cache, local_files_only=True)
    assert Path(found) == record.path
    (repository,) = huggingface_hub.scan_cache_dir(cache).repos
    (revision,) = repository.revisions
    assert (repository.repo_id, revision.commit_hash, revision.refs) == (
        TINY.hub_id,
        COMMIT,
        frozenset({"main"}),
    )
    before = len(hub.downloads())
    assert huggingface_hub.hf_hub_download(TINY.hub_id, FILE, cache_dir=cache) == found
    assert len(hub.downloads()) == before


def test_what_the_client_has_downloaded_is_used(hub: Hub, cache: Path) -> None:
    found = huggingface_hub.hf_hub_download(TINY.hub_id, FILE, cache_dir=cache)
    record = locate_weights(TINY, "auto", offline=True)
    assert (record.source, record.path) == ("cache", Path(found))


def test_vgg11_in_its_full_width_is_downloaded_and_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = build_empty(VGG, n_classes=1000, image_size=224).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in empty.items()}
    path = write_weights(tmp_path / "vgg.safetensors", shapes)
    assert path.stat().st_size > 531_000_000
    with hub_server({VGG.hub_id: path}) as hub:
        point_to(hub.url, monkeypatch)
        hub.fail("GET", breaks_after=300_000_000, times=1)
        record = locate_weights(VGG, "auto", offline=False)
        assert [request.sent for request in hub.downloads()] == [
            300_000_000,
            path.stat().st_size - 300_000_000,
        ]
    model = build(VGG, n_classes=3, weights=record, seed=0, image_size=224)
    offered = load_file(path)
    for name in ("features.0.weight", "pre_logits.fc1.weight", "pre_logits.fc2.bias"):
        assert torch.equal(model.state_dict()[name], offered[name])
    shutil.rmtree(tmp_path)  # a gigabyte


def test_a_token_is_shown_to_the_hub_and_to_no_other_host_and_nothing_else_is_told(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    locate_weights(TINY, "hub", offline=False)
    shown = {request.path.startswith("/cdn/"): request.headers.get("authorization") for request in hub.seen}
    assert shown == {False: "Bearer hf_mine", True: None}
    assert {request.headers["user-agent"] for request in hub.seen} == {"finetune-strategies"}


# A broken download goes on.


def test_a_download_that_breaks_off_goes_on_where_it_ended(hub: Hub, files: dict[str, Path]) -> None:
    hub.fail("GET", breaks_after=10_000_000, times=2)
    listener = Listener()
    record = locate_weights(RESNET, "hub", offline=False, reporter=listener)
    size = files[RESNET.hub_id].stat().st_size
    asked = [request.headers.get("Range") for request in hub.downloads()]
    assert asked == [None, "bytes=10000000-", "bytes=20000000-"]
    assert [request.sent for request in hub.downloads()] == [10_000_000, 10_000_000, size - 20_000_000]
    assert record.sha256 == sha256_of(files[RESNET.hub_id])
    assert listener.said[1:] == 2 * [
        "timm/resnet18.tv_in1k could not be downloaded (the connection broke off); trying again in 0.01 s (1 of 3)"
    ]


def test_a_download_that_is_given_up_is_kept_and_goes_on_next_time(
    hub: Hub, files: dict[str, Path], cache: Path
) -> None:
    hub.fail("GET", breaks_after=500_000, times=3)
    hub.fail("GET", breaks_after=0)
    with pytest.raises(
        ResourceError,
        match=r"test_resnet: timm/test_resnet\.r160_in1k could not be downloaded \(the connection broke off\) after "
        r"1\.5 of 1\.9 MB, which are kept; run the same command again to go on from there" + WAYS,
    ):
        locate_weights(TINY, "hub", offline=False)
    assert part_of(cache).stat().st_size == 1_500_000
    assert whereabouts(TINY) == "needs download"
    hub.heal()
    before, listener = len(hub.downloads()), Listener()
    record = locate_weights(TINY, "hub", offline=False, reporter=listener)
    (request,) = hub.downloads()[before:]
    assert request.headers["Range"] == "bytes=1500000-"
    wait_until(lambda: request.sent == files[TINY.hub_id].stat().st_size - 1_500_000)
    assert listener.said == ["downloading timm/test_resnet.r160_in1k, 1.9 MB, going on at 1.5 MB"]
    assert record.sha256 == sha256_of(files[TINY.hub_id])
    assert not list(cache.glob("models--*/blobs/*.incomplete"))


def test_a_hub_that_ignores_where_to_go_on_sends_the_whole_again(hub: Hub, files: dict[str, Path]) -> None:
    hub.fail("GET", breaks_after=500_000, times=1)
    hub.fail("GET", ignores_range=True)
    record = locate_weights(TINY, "hub", offline=False)
    assert record.sha256 == sha256_of(files[TINY.hub_id])
    wait_until(lambda: hub.downloads()[-1].sent == files[TINY.hub_id].stat().st_size)


def test_a_download_that_stalls_goes_on_after_a_while(hub: Hub, files: dict[str, Path]) -> None:
    hub.fail("GET", stalls_after=500_000, times=1)
    listener = Listener()
    record = locate_weights(TINY, "hub", offline=False, reporter=listener)
    assert "the model hub has stalled); trying again in" in listener.said[1]
    assert record.sha256 == sha256_of(files[TINY.hub_id])


def test_a_download_that_stalls_again_and_again_is_given_up_and_kept(hub: Hub, cache: Path) -> None:
    hub.fail("GET", stalls_after=500_000, times=1)
    hub.fail("GET", stalls_after=0)
    with pytest.raises(
        ResourceError, match=r"\(the model hub has stalled\) after 0\.5 of 1\.9 MB, which are kept"
    ):
        locate_weights(TINY, "hub", offline=False)
    assert part_of(cache).stat().st_size == 500_000


@pytest.mark.parametrize("left", ["other bytes", "too much"])
def test_a_rest_that_does_not_fit_is_thrown_away(
    left: str, hub: Hub, files: dict[str, Path], cache: Path
) -> None:
    size, digest = files[TINY.hub_id].stat().st_size, sha256_of(files[TINY.hub_id])
    part = cache / "models--timm--test_resnet.r160_in1k" / "blobs" / f"{digest}.download.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1000) if left == "other bytes" else bytes(size + 1))
    listener = Listener()
    assert locate_weights(TINY, "hub", offline=False, reporter=listener).sha256 == digest
    assert any("does not fit what came; beginning anew" in text for text in listener.said) == (
        left == "other bytes"
    )
    last = hub.downloads()[-1]
    wait_until(lambda: last.sent == size)  # the server counts after it has sent


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_two_who_want_the_same_download_it_once(hub: Hub, files: dict[str, Path]) -> None:
    hub.fail("GET", stalls_after=500_000, times=1)
    listeners = Listener(), Listener()
    records = {}

    def want(number: int) -> None:
        records[number] = locate_weights(TINY, "hub", offline=False, reporter=listeners[number])

    threads = [threading.Thread(target=want, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert records[0].sha256 == records[1].sha256 == sha256_of(files[TINY.hub_id])
    assert sum(request.sent for request in hub.downloads()) == files[TINY.hub_id].stat().st_size
    said = [text for listener in listeners for text in listener.said]
    assert said.count("another process is downloading timm/test_resnet.r160_in1k; waiting for it") == 1


# Damage.


def test_other_bytes_than_promised_are_refused_and_not_kept(hub: Hub, cache: Path) -> None:
    hub.fail("GET", wrong_bytes=True)
    with pytest.raises(
        WeightsError,
        match=r"test_resnet: timm/\S+ arrived damaged \(sha256 \w{12}… instead of \w{12}…\)" + WAYS,
    ):
        locate_weights(TINY, "hub", offline=False)
    assert not list(cache.glob("models--*/blobs/*"))
    assert cached_file(TINY) is None


def test_a_damaged_file_in_the_cache_is_said_and_fetched_again(hub: Hub) -> None:
    record = locate_weights(TINY, "hub", offline=False)
    assert record.path is not None
    spoilt = record.path.read_bytes()[:-1] + b"\0\0"
    record.path.resolve().write_bytes(spoilt)
    digest = hashlib.sha256(spoilt).hexdigest()
    sentence = f"is damaged in the local cache (sha256 {digest[:12]}… instead of {record.sha256[:12]}…)"
    with pytest.raises(WeightsError, match=r"is damaged in .*…\), and --offline forbids a download" + WAYS):
        locate_weights(TINY, "hub", offline=True)
    listener = Listener()
    again = locate_weights(TINY, "auto", offline=False, reporter=listener)
    assert listener.said[0] == f"warning: {TINY.hub_id} {sentence}, so it is not used"
    assert (again.source, again.sha256, again.path) == ("hub", record.sha256, record.path)
    assert locate_weights(TINY, "auto", offline=True).source == "cache"


def test_a_lost_link_to_a_whole_file_needs_no_download(hub: Hub) -> None:
    record = locate_weights(TINY, "hub", offline=False)
    assert record.path is not None
    record.path.unlink()
    before = len(hub.downloads())
    assert locate_weights(TINY, "hub", offline=False).path == record.path
    assert len(hub.downloads()) == before


def test_a_hub_that_tells_no_hash_is_believed_with_a_warning(hub: Hub) -> None:
    hub.tags[TINY.hub_id] = "v1-mirror"
    listener = Listener()
    record = locate_weights(TINY, "hub", offline=False, reporter=listener)
    assert record.source == "hub"
    assert listener.said[-1].startswith("warning: the model hub tells no SHA-256 of timm/test_resnet")
    assert locate_weights(TINY, "hub", offline=True).source == "cache"


@pytest.mark.parametrize("tag", ["../../../escaped", "", "a/b"])
def test_a_tag_that_is_no_file_name_is_refused(tag: str, hub: Hub, cache: Path) -> None:
    hub.tags[TINY.hub_id] = tag
    with pytest.raises(WeightsError, match=r"\(what answers is no model hub; look at HF_ENDPOINT\)" + WAYS):
        locate_weights(TINY, "hub", offline=False)
    assert not cache.exists()


# Failures, each with its sentence.


@pytest.mark.parametrize(
    ("method", "what", "sentence"),
    [
        ("HEAD", {"status": 404}, r"is not on the hub \(404\)"),
        (
            "HEAD",
            {"status": 404, "code": "EntryNotFound"},
            r"has no file model\.safetensors on the hub \(404\)",
        ),
        ("HEAD", {"status": 401}, r"is not shown by the hub without a token .*\(401\); set HF_TOKEN"),
        ("HEAD", {"status": 403}, r"may not be read with this token \(403\); accept its terms"),
        (
            "HEAD",
            {"status": 403, "code": "Other"},
            r"may not be read with this token \(403\); accept its terms",
        ),
        ("HEAD", {"status": 410}, r"could not be downloaded \(the model hub answers 410\)"),
        ("HEAD", {"status": 500}, r"could not be downloaded \(the model hub answers with its fault 500\)"),
        ("HEAD", {"status": 429}, r"could not be downloaded \(the model hub answers with its fault 429\)"),
        ("HEAD", {"stalls_after": 0}, r"could not be downloaded \(the model hub has stalled\)"),
        ("GET", {"status": 500}, r"could not be downloaded \(the model hub answers with its fault 500\)"),
        ("GET", {"status": 403}, r"may not be read with this token \(403\)"),
        ("GET", {"breaks_after": 0}, r"could not be downloaded \(the connection broke off\)"),
    ],
)
def test_a_hub_that_gives_nothing_is_a_matter_of_the_weights(
    method: str, what: dict[str, int], sentence: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.fail(method, **what)
    with pytest.raises(WeightsError, match=rf"^test_resnet: timm/test_resnet\.r160_in1k {sentence}.*{WAYS}$"):
        locate_weights(TINY, "hub", offline=False)
    tries = len([request for request in hub.seen if request.method == method])
    passes = what.get("status", 500) in (429, 500)
    assert tries >= (4 if passes and "stalls_after" not in what else 1)
    assert passes or len(hub.seen) <= 3, "what the hub has decided is not asked again"


def test_a_fault_that_passes_is_waited_for(hub: Hub) -> None:
    hub.fail("HEAD", status=503, times=2)
    hub.fail("GET", status=500, times=3)
    listener = Listener()
    assert locate_weights(TINY, "hub", offline=False, reporter=listener).source == "hub"
    assert [text[-8:] for text in listener.said if "trying again" in text] == [
        f"({number} of 3)" for number in (1, 2, 1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9", r"\(the model hub cannot be reached: Connection refused\)"),
        (
            "http://no-such-host.invalid",
            r"\(the model hub cannot be reached: .*(not known|resolution|[Nn]o address).*\)",
        ),
        ("hub.example.org", r"\(.*; look at HF_ENDPOINT\)"),
    ],
)
def test_nobody_at_the_address_is_said_at_once(
    url: str, sentence: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_to(url, monkeypatch)
    listener = Listener()
    with pytest.raises(
        WeightsError, match=rf"^resnet18: timm/resnet18\.tv_in1k could not be downloaded {sentence}{WAYS}$"
    ):
        locate_weights(RESNET, "auto", offline=False, reporter=listener)
    assert listener.said == []
    assert not cache.exists()


def test_a_network_that_goes_away_in_the_middle_is_a_matter_of_the_network(
    files: dict[str, Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unplugging(Listener):
        """The answer to the first break is to take the hub away."""

        def say(self, text: str) -> None:
            super().say(text)
            if "trying again" in text:
                server.close()

    with hub_server(files) as server:
        point_to(server.url, monkeypatch)
        server.fail("GET", breaks_after=500_000)
        listener = Unplugging()
        with pytest.raises(
            ResourceError, match=r"Connection refused\) after 0\.5 of 1\.9 MB, which are kept"
        ) as caught:
            locate_weights(TINY, "hub", offline=False, reporter=listener)
    assert len(listener.said) == 4
    assert caught.value.exit_code == 5
    assert part_of(cache).stat().st_size == 500_000


def test_a_full_disk_is_said_before_the_first_byte(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 1_000_000))  # type: ignore[attr-defined]
    with pytest.raises(
        ResourceError,
        match=r"downloading needs 2 MB in .*, but 1 MB are free; free some disk space, or set HF_HOME",
    ):
        locate_weights(TINY, "hub", offline=False)
    assert not hub.downloads()


def test_a_cache_that_cannot_be_written_is_a_matter_of_the_disk(hub: Hub, cache: Path) -> None:
    cache.write_bytes(b"a file where the folder should be")
    with pytest.raises(
        ResourceError, match=r"storing timm/test_resnet\.r160_in1k failed: .*; free some disk space"
    ):
        locate_weights(TINY, "hub", offline=False)


# What is asked before anything is downloaded.


def test_a_hub_that_answers_decides_what_auto_is(hub: Hub) -> None:
    assert hub_answers(RESNET)
    assert choose_backbone("auto", "auto", offline=False) == (
        "resnet18",
        "backbone resnet18: the model hub answers",
    )
    assert not hub.downloads()


@pytest.mark.parametrize("what", [{"status": 404}, {"status": 500}, {"stalls_after": 0}])
def test_a_hub_in_trouble_is_asked_once_and_the_installed_weights_are_taken(
    what: dict[str, int], hub: Hub
) -> None:
    hub.fail("HEAD", **what)
    name, why = choose_backbone("auto", "auto", offline=False)
    assert name == "tf_efficientnet_lite0"
    assert "the model hub does not answer" in why
    assert len(hub.seen) <= 1


def test_every_failure_has_an_exit_code() -> None:
    assert {WeightsError.exit_code, ResourceError.exit_code} == {4, 5}
    assert issubclass(WeightsError, FinetuneError)
