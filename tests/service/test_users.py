"""Users and sessions: kept as hashes, good until they end; guesses are slow, few and tell nothing."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from finetune.errors import OptionError, ResourceError
from finetune.service import passwords, users
from finetune.service.api.limits import ApiLimits
from finetune.service.login import Login, network_of
from finetune.service.passwords import NOBODY, checked, generated, hashed, matches
from finetune.service.users import DAY_S, USERS, UserStore
from ui.login import add_login

PASSWORD = "correct horse battery"
LIMITS = replace(ApiLimits(), failures=3)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing; the cost stands beside each hash."""
    monkeypatch.setattr(passwords, "N", 2)
    monkeypatch.setattr(users, "NOBODY", NOBODY.replace(f"${passwords.N}$", "$2$"))


@pytest.fixture
def store(tmp_path: Path, quick: None) -> UserStore:
    return UserStore(tmp_path / USERS)


def test_a_password_is_kept_as_a_slow_hash_with_a_salt_of_its_own() -> None:
    one, other = hashed(PASSWORD), hashed(PASSWORD)
    # OWASP's Password Storage Cheat Sheet: N=2^15, r=8, p=3 is as good as N=2^17, r=8, p=1.
    assert one.startswith("scrypt$32768$8$3$")
    assert NOBODY.startswith("scrypt$32768$8$3$")
    assert one != other
    assert matches(PASSWORD, one)
    assert matches(PASSWORD, other)
    assert not matches(PASSWORD + " ", one)
    assert not matches("", NOBODY)


@pytest.mark.usefixtures("quick")
def test_a_password_may_be_spelt_as_any_keyboard_does() -> None:
    assert matches("Ma\u0308dchen und mehr", hashed("M\u00e4dchen und mehr"))
    assert not matches("\ud800", hashed("\ud801"))


def test_what_cannot_be_a_password_is_told() -> None:
    for wrong, told in (
        ("short", "of 5 characters"),
        ("x" * 501, "of 501"),
        ("Ann-of-Cleves", "is the name"),
    ):
        with pytest.raises(OptionError, match=told):
            checked(wrong, "ann-of-cleves")
    made = generated()
    assert checked(made, "ann") == made
    assert made != generated()


def test_a_user_is_known_by_name_and_password_alone(store: UserStore, tmp_path: Path) -> None:
    assert store.is_empty
    store.add("Ann", PASSWORD)
    assert not store.is_empty
    assert store.check("Ann", PASSWORD) == "Ann"
    assert store.check("ann", PASSWORD) == "Ann"
    for name, password in (
        ("ann", "x"),
        ("ben", PASSWORD),
        ("", ""),
        ("Ann' or 1=1 --", PASSWORD),
        ("\ud800", ""),
    ):
        assert store.check(name, password) is None
    for name in ("Ann", "ANN"):
        with pytest.raises(OptionError, match="there is a user called"):
            store.add(name, PASSWORD)
    with pytest.raises(OptionError, match="cannot be a name"):
        store.add("a/b", PASSWORD)
    assert PASSWORD.encode() not in (tmp_path / USERS).read_bytes()
    assert stat.S_IMODE((tmp_path / USERS).stat().st_mode) == 0o600


def test_a_session_ends_by_itself_when_nobody_uses_it_and_at_last_in_any_case(
    store: UserStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("ann", PASSWORD)
    secret, begun = store.begin_session("ann"), users.time.time()

    def after(days: float) -> str | None:
        monkeypatch.setattr(users.time, "time", lambda: begun + days * DAY_S + 1)
        return store.whose(secret)

    assert after(13) == "ann"
    assert after(26) == "ann"
    assert after(41) is None
    secret = store.begin_session("ann")
    begun = begun + 41 * DAY_S
    assert [after(days) for days in range(10, 81, 10)] == ["ann"] * 8
    assert after(90) is None
    assert store.list()[0].sessions == 0


def test_all_sessions_end_with_a_new_password_and_with_the_user(store: UserStore) -> None:
    for name in ("ann", "ben"):
        store.add(name, PASSWORD)
    kept = store.begin_session("ben")
    for end in (
        lambda: store.sign_out("ANN"),
        lambda: store.set_password("ann", "another password"),
        lambda: store.remove("ann"),
    ):
        secrets = [store.begin_session("ann") for _ in range(2)]
        assert [store.whose(each) for each in secrets] == ["ann", "ann"]
        end()
        assert [store.whose(each) for each in secrets] == [None, None]
    assert store.whose(kept) == "ben"
    assert [user.name for user in store.list()] == ["ben"]
    for act in (store.sign_out, store.remove, lambda name: store.set_password(name, PASSWORD)):
        with pytest.raises(OptionError, match="no user called 'ann'; `finetune user list` shows them"):
            act("ann")


def test_a_session_of_a_user_who_was_removed_is_not_the_next_one_s_of_that_name(store: UserStore) -> None:
    store.add("ann", PASSWORD)
    secret = store.begin_session("ann")
    store.remove("ann")
    store.add("ann", PASSWORD)
    assert store.whose(secret) is None


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / USERS).write_text("nonsense" * 100)
    with pytest.raises(ResourceError, match=r"the users in .* cannot be used"):
        UserStore(tmp_path / USERS).list()


@pytest.mark.usefixtures("quick")
def test_guesses_are_few_by_address_and_by_name_and_the_right_one_waits_too(tmp_path: Path) -> None:
    login = Login(tmp_path, LIMITS)
    login.users.add("ann", PASSWORD)
    login.users.add("ben", PASSWORD)
    for number in range(5):  # who is right is not counted
        assert login.sign_in("ann", PASSWORD, "192.0.2.1").secret, number
    for number in range(3):
        assert login.sign_in(f"somebody{number}", "x", "192.0.2.1").wait_s == 0
    assert 0 < login.sign_in("ann", PASSWORD, "192.0.2.1").wait_s <= LIMITS.failures_within_s
    assert login.sign_in("ann", PASSWORD, "192.0.2.2").secret
    for number in range(3):
        assert login.sign_in("Ben", "x", f"198.51.100.{number}").wait_s == 0
    assert 60 < login.sign_in("ben", PASSWORD, "203.0.113.9").wait_s <= LIMITS.name_within_s
    assert login.sign_in("ann", PASSWORD, "203.0.113.9").secret


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2:3") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("") == ""


@pytest.mark.usefixtures("quick")
def test_too_many_guesses_are_told_with_the_time_to_wait(tmp_path: Path) -> None:
    login, app = Login(tmp_path, LIMITS), FastAPI()
    login.users.add("ann", PASSWORD)
    add_login(app, login)
    client = TestClient(app, follow_redirects=False)
    for _ in range(3):
        assert client.post("/login", data={"name": "ann", "password": "x"}).status_code == 401
    answer = client.post("/login", data={"name": "ann", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "There were too many wrong attempts; try again in " in answer.text
    assert "set-cookie" not in answer.headers
