"""The page answers its own computer's browser and nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.service.guard import Hosts, refusal

OWN = {"host": "127.0.0.1:7860"}


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "127.0.0.1", "LOCALHOST:1"])
def test_this_computer_is_let_in(host: str) -> None:
    assert refusal({"host": host}) == 0
    assert refusal({"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}) == 0


@pytest.mark.parametrize(
    "host",
    ["evil.example:7860", "127.0.0.1.evil.example", "", "localhost.evil.example:80", "[::2]:7860", "a@b"],
)
def test_another_name_for_this_computer_is_refused(host: str) -> None:
    assert refusal({"host": host}) == 400


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:7860"]
)
def test_another_site_s_script_is_refused(origin: str) -> None:
    assert refusal({**OWN, "origin": origin}) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_embeds_is_refused_and_its_links_are_not(site: str) -> None:
    assert refusal({**OWN, "sec-fetch-site": site, "sec-fetch-mode": "no-cors"}) == 403
    assert refusal({**OWN, "sec-fetch-site": site}) == 403
    assert refusal({**OWN, "sec-fetch-site": site, "sec-fetch-mode": "navigate"}) == 0


def test_a_form_on_another_site_is_refused_though_it_navigates() -> None:
    form = {"origin": "http://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert refusal({**OWN, **form}) == 403


@given(st.text())
def test_no_host_whatever_breaks_the_guard(host: str) -> None:
    assert refusal({"host": host}) in (0, 400)


@given(st.text())
def test_no_origin_whatever_breaks_the_guard(origin: str) -> None:
    assert refusal({**OWN, "origin": origin}) in (0, 403)


@pytest.mark.parametrize("host", ["192.0.2.7:8000", "[2001:db8::1]:80", "127.0.0.1", "Train.Example:80"])
def test_beyond_this_computer_addresses_and_named_names_are_known(host: str) -> None:
    assert refusal({"host": host}, Hosts(frozenset({"train.example"}), any_address=True)) == 0


@pytest.mark.parametrize(
    "host", ["evil.example", "192.0.2.7.evil.example", "0x7f000001", "[evil]", "1.2.3", ""]
)
def test_a_name_that_nobody_named_is_refused_there_too(host: str) -> None:
    assert refusal({"host": host}, Hosts(frozenset({"train.example"}), any_address=True)) == 400


def test_a_proxy_that_speaks_tls_is_the_same_site() -> None:
    named = Hosts(frozenset({"train.example"}))
    assert refusal({"host": "train.example", "origin": "https://train.example"}, named) == 0
    assert refusal({"host": "train.example", "origin": "https://evil.example"}, named) == 403
