"""Tokens: kept as hashes, shown once, good until they expire or are revoked."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.errors import OptionError, ResourceError
from finetune.service import tokens
from finetune.service.tokens import TokenStore


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "tokens.sqlite")


def test_a_token_opens_what_its_owner_has(store: TokenStore) -> None:
    made, text = store.create("laptop", owner="ann")
    found = store.find(text)
    assert found == made
    assert (made.name, made.owner) == ("laptop", "ann")
    assert store.create("ben")[0].owner == "ben"


def test_only_a_hash_is_on_the_disk_and_nobody_else_can_read_it(store: TokenStore, tmp_path: Path) -> None:
    _, text = store.create("laptop")
    kept = (tmp_path / "tokens.sqlite").read_bytes()
    assert text.encode() not in kept
    assert text.rpartition("_")[2].encode() not in kept
    assert stat.S_IMODE((tmp_path / "tokens.sqlite").stat().st_mode) == 0o600


def test_a_revoked_token_opens_nothing_and_still_counts(store: TokenStore) -> None:
    assert store.is_empty
    made, text = store.create("laptop")
    assert store.has_good
    store.revoke("laptop")
    assert store.find(text) is None
    assert not store.has_good
    assert not store.is_empty
    first = store.list()[0].revoked
    store.revoke(made.id)
    assert store.list()[0].revoked == first


def test_an_expired_token_opens_nothing(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made, text = store.create("guest", days=2)
    assert store.find(text) is not None
    monkeypatch.setattr(tokens.time, "time", lambda: made.created + 2 * 86_400)
    assert store.find(text) is None


@pytest.mark.parametrize("name", ["", " ", "a/b", "../x", "a\nb", "x" * 61, "a  b", "<b>", "\u202eb"])
def test_a_name_that_cannot_be_is_refused(store: TokenStore, name: str) -> None:
    with pytest.raises(OptionError, match="cannot be a name"):
        store.create(name)


@pytest.mark.parametrize("days", [0, -1, 1e9, float("nan")])
def test_a_time_that_cannot_be_is_refused(store: TokenStore, days: float) -> None:
    with pytest.raises(OptionError, match="cannot expire in"):
        store.create("a", days=days)


def test_a_name_is_taken_once_and_an_unknown_one_is_told(store: TokenStore) -> None:
    store.create("a")
    with pytest.raises(OptionError, match="there is a token called 'a' already"):
        store.create("a")
    with pytest.raises(OptionError, match="no token called 'b'; `finetune token list` shows them"):
        store.revoke("b")


@given(st.text())
def test_no_text_whatever_opens_anything(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    store = TokenStore(tmp_path_factory.getbasetemp() / "any.sqlite")
    if store.is_empty:
        store.create("a")
    assert store.find(text) is None


def test_a_near_miss_opens_nothing(store: TokenStore) -> None:
    _, text = store.create("a")
    last = "A" if text[-1] != "A" else "B"
    for wrong in (text[:-1] + last, text[:-1], text + "A", f" {text}", text.replace("ft_", "FT_")):
        assert store.find(wrong) is None


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokens.sqlite").write_text("nonsense" * 100)
    with pytest.raises(ResourceError, match="cannot be used"):
        TokenStore(tmp_path / "tokens.sqlite").list()
