"""Where the exchange is: a literal table of profiles, each with every URL and the only hosts it may reach.

In: a profile's name, or the address of a stand-in on this machine. Out: the whole URL table, a verdict on
any URL.
Refuses to know: ccxt, keys, what is asked.
Source: Binance USDⓈ-M futures, general information (base end points); `urls['api']` of ccxt 4.5.90.

The table is handed to ccxt whole: what is only merged leaves the rest pointing at production. Whatever ccxt
would send anywhere else (spot wallets, other products) then fails for want of a URL, and `check_url` is
asked once more for every request and every redirect.
"""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from runner.errors import ExchangeHostRefused, UsageError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
NOTICES = "exchange"  # a folder in RUNNER_HOME
_SCHEMES = {"https": 443, "wss": 443, "http": 80, "ws": 80}


class Profile(NamedTuple):
    """One place to trade at. URLs have no path; `hosts` are the `host:port` that requests and streams
    may go to.
    """

    name: str
    rest_url: str
    stream_url: str
    archive_url: str
    hosts: frozenset[str]
    notices: Path | None = None  # where this machine's processes tell each other of a ban

    @property
    def is_encrypted(self) -> bool:
        """Everything but a stand-in on this machine is."""
        return self.rest_url.startswith("https://")


ARCHIVE_URL = "https://data.binance.vision"

PROFILES: dict[str, Profile] = {
    "main": Profile(
        name="main",
        rest_url="https://fapi.binance.com",
        stream_url="wss://fstream.binance.com",
        archive_url=ARCHIVE_URL,
        hosts=frozenset({"fapi.binance.com:443", "fstream.binance.com:443"}),
    ),
    "demo": Profile(
        name="demo",
        rest_url="https://demo-fapi.binance.com",
        stream_url="wss://demo-fstream.binance.com",
        archive_url=ARCHIVE_URL,
        hosts=frozenset({"demo-fapi.binance.com:443", "demo-fstream.binance.com:443"}),
    ),
}


def local_profile(rest_url: str, *, stream_url: str | None = None, archive_url: str = ARCHIVE_URL) -> Profile:
    """A stand-in for the exchange on this machine, such as `http://127.0.0.1:8765`; UsageError for any
    other host.
    """
    rest = _base("exchange", rest_url, ("http", "https"))
    stream = _base("stream", stream_url or "ws" + rest.removeprefix("http"), ("ws", "wss"))
    for url in (rest, stream):
        if urlsplit(url).hostname not in LOOPBACK:
            raise UsageError(
                f"{url}: an exchange URL of one's own must be on this machine (127.0.0.1, localhost or ::1); "
                f"the real ones are the profiles {' and '.join(PROFILES)}"
            )
    return Profile("local", rest, stream, archive_url, frozenset({_host(rest), _host(stream)}))


def profile_for(
    name: str,
    *,
    exchange_url: str | None = None,
    archive_url: str | None = None,
    notices: Path | None = None,
) -> Profile:
    """A profile of the table, or a local one when an exchange URL is given; either with another
    archive if given. `notices`: a folder; stand-ins have no common clock, and so no notices.
    """
    archive = _base("archive", archive_url, ("http", "https")) if archive_url else ARCHIVE_URL
    if exchange_url:
        return local_profile(exchange_url, archive_url=archive)
    return PROFILES[name]._replace(archive_url=archive, notices=notices)


def api_urls(profile: Profile) -> dict[str, object]:
    """All of ccxt's `urls['api']` that USDⓈ-M futures need. The stream base must end in `/ws`: ccxt
    splits it itself.
    """
    rest = profile.rest_url
    return {
        "fapiPublic": f"{rest}/fapi/v1",
        "fapiPrivate": f"{rest}/fapi/v1",
        "fapiPublicV2": f"{rest}/fapi/v2",
        "fapiPrivateV2": f"{rest}/fapi/v2",
        "fapiPublicV3": f"{rest}/fapi/v3",
        "fapiPrivateV3": f"{rest}/fapi/v3",
        "fapiData": f"{rest}/futures/data",
        "ws": {"linear": f"{profile.stream_url}/ws"},
    }


def check_url(profile: Profile, url: str) -> None:
    """ExchangeHostRefused when a URL leads anywhere but to the profile's own hosts."""
    if _host(url) not in profile.hosts:
        raise ExchangeHostRefused(
            f"a request to {urlsplit(url).netloc or url} was stopped: the profile {profile.name!r} may reach "
            f"{', '.join(sorted(profile.hosts))} only"
        )


def _base(what: str, url: str, schemes: tuple[str, ...]) -> str:
    """An address without a path; UsageError when it is none."""
    parts = urlsplit(url)
    try:
        is_whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False  # a port that is no number
    if not is_whole or parts.path.strip("/") or parts.query or parts.username:
        raise UsageError(
            f"{what} URL {url!r}: write {schemes[0]}://HOST:PORT, without path, name or password"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _host(url: str) -> str:
    """`fapi.binance.com:443`; plain http and https to one host differ by their port."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _SCHEMES.get(parts.scheme, 0)}"
