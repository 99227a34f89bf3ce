"""The table of profiles: whole, and shut to every other host."""

import re

import pytest

from runner.errors import ExchangeHostRefused, UsageError
from runner.exchange.profiles import PROFILES, api_urls, check_url, local_profile, profile_for

LOCAL = local_profile("http://127.0.0.1:8765")


def all_urls(tree: object) -> list[str]:
    if isinstance(tree, dict):
        return [url for part in tree.values() for url in all_urls(part)]
    return [str(tree)]


@pytest.mark.parametrize("profile", [*PROFILES.values(), LOCAL], ids=lambda one: one.name)
def test_every_url_of_a_profile_is_on_its_own_hosts(profile: object) -> None:
    assert profile in (*PROFILES.values(), LOCAL)
    for url in all_urls(api_urls(profile)):  # type: ignore[arg-type]
        check_url(profile, url)  # type: ignore[arg-type]


def test_no_two_profiles_share_a_host() -> None:
    hosts = [host for profile in (*PROFILES.values(), LOCAL) for host in profile.hosts]
    assert len(hosts) == len(set(hosts)) == 5  # the stand-in's REST and streams have one


def test_the_stream_base_ends_as_ccxt_needs_it() -> None:
    for profile in PROFILES.values():
        stream = all_urls(api_urls(profile)["ws"])[0]
        assert stream.endswith("/ws")
        assert not re.search(r"/stream|demo-stream", stream)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.binance.com/api/v3/order",
        "https://demo-fapi.binance.com/fapi/v1/order",
        "https://fapi.binance.com.example.org/fapi/v1/order",
        "https://fapi.binance.com@example.org/fapi/v1/order",
        "http://fapi.binance.com/fapi/v1/order",  # not encrypted: another port
        "https://fapi.binance.com:8443/fapi/v1/order",
        "wss://stream.binance.com/ws",
        "nonsense",
    ],
)
def test_any_other_host_is_refused(url: str) -> None:
    with pytest.raises(ExchangeHostRefused, match="'main' may reach"):
        check_url(PROFILES["main"], url)
    with pytest.raises(ExchangeHostRefused):
        check_url(LOCAL, url)


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1:80", "https://fapi.binance.com", "https://localhost.example.org"]
)
def test_a_stand_in_must_be_on_this_machine(url: str) -> None:
    with pytest.raises(UsageError, match="must be on this machine"):
        local_profile(url)
    with pytest.raises(UsageError, match="must be on this machine"):
        local_profile("http://127.0.0.1:1", stream_url="wss://fstream.binance.com")


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8765",
        "ftp://127.0.0.1",
        "http://127.0.0.1:x",
        "http://127.0.0.1/fapi",
        "http://me:word@::1",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="write http://HOST:PORT"):
        local_profile(url)


def test_settings_choose_the_stand_in_and_another_archive() -> None:
    local = profile_for("main", exchange_url="http://localhost:8765/", archive_url="http://127.0.0.1:99")
    assert (local.name, local.rest_url, local.archive_url) == (
        "local",
        "http://localhost:8765",
        "http://127.0.0.1:99",
    )
    main = profile_for("main", archive_url="https://mirror.example.org")
    assert (main.rest_url, main.archive_url) == ("https://fapi.binance.com", "https://mirror.example.org")
    assert profile_for("demo").archive_url == "https://data.binance.vision"
