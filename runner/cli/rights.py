"""What the exchange says about keys: asked for `runner keys … --online`.

In: settings, keys by mode. Out: refusals and cautions, one sentence each.
Refuses to know: how the exchange is asked.
"""

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from runner.settings.load import Settings
    from runner.vault.vault import KeyPair

PROFILE_OF = {"testnet": "demo", "live": "main"}


class Judged(NamedTuple):
    """What the exchange said of one key; with a refusal it must not be used."""

    refusals: tuple[str, ...]
    cautions: tuple[str, ...]


def judge(settings: "Settings", mode: str, pair: "KeyPair") -> Judged:
    """Ask what a key may do; ExchangeFailed when it is not taken or nobody answers."""
    from runner.data.home import runner_home
    from runner.exchange.client import Keys
    from runner.exchange.profiles import NOTICES, profile_for
    from runner.exchange.rights import cautions, read_rights, refusals

    url = settings.text_or_none("exchange.url")
    profile = profile_for(PROFILE_OF[mode], exchange_url=url, notices=runner_home() / NOTICES)
    rights = asyncio.run(read_rights(profile, Keys(pair.api_key.reveal(), pair.secret.reveal())))
    return Judged(tuple(refusals(rights)), tuple(cautions(rights)))
