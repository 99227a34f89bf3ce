"""What an API key may do, and whether that is too much or too little.

In: a profile, a key. Out: its Rights as far as the exchange tells, refusals and cautions; ExchangeRefused,
ExchangeUnreachable.
Refuses to know: where keys come from.
Source: Binance wallet, GET /sapi/v1/account/apiRestrictions (weight 1); futures, GET /fapi/v2/account.

The question is answered by the main site's wallet host alone, which no other call may reach: it is let in for
this client only. Demo trading has no such question; there a key is only shown to be taken.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import ccxt

from runner.errors import ExchangeFailed, ExchangeRefused, ExchangeUnreachable
from runner.exchange.client import FuturesClient, Keys, reply_of
from runner.exchange.profiles import Profile

# Where each profile answers the question, and the host that is let in for it; demo trading does not.
_WALLETS = {"main": ("https://api.binance.com", "api.binance.com:443"), "demo": ("", "")}
# Codes that mean the key itself.
_ABOUT_THE_KEY = {
    -2014: "it has not the form of a key",
    -2015: "it is unknown there, or not allowed from this address, or has no right to read",
    -2008: "it is unknown there; demo trading and the main site have keys of their own",
    -1022: "its secret does not fit it",
}


class Rights(NamedTuple):
    """None: the exchange did not tell."""

    withdraw: bool | None
    futures: bool | None
    ip_bound: bool | None
    transfer: bool | None


def refusals(rights: Rights) -> list[str]:
    """Why this key must not be used."""
    found = []
    if rights.withdraw:
        found.append("it may withdraw money; switch 'Enable Withdrawals' off, or make another key")
    if rights.futures is False:
        found.append("it may not trade futures; switch 'Enable Futures' on")
    return found


def cautions(rights: Rights) -> list[str]:
    """What makes this key more dangerous than it needs to be, or was not told."""
    found = []
    if rights.ip_bound is False:
        found.append(
            "it works from any address; bind it to this machine's, so that a stolen key is worth less"
        )
    if rights.transfer:
        found.append("it may move money between your accounts; runner never does, so switch that off")
    if rights.withdraw is None:
        found.append("whether it may withdraw is not told here; demo trading never tells")
    return found


async def read_rights(profile: Profile, keys: Keys) -> Rights:
    """One signed question; nothing is changed there."""
    url, host = _WALLETS.get(profile.name, (profile.rest_url, ""))
    hosts = profile.hosts | {host} if host else profile.hosts
    async with FuturesClient(profile._replace(hosts=hosts), keys) as client:
        try:
            await client.load_time_difference()
            if not url:
                return _of_account(await client.fapiPrivateV2GetAccount())
            client.urls["api"]["sapi"] = f"{url}/sapi/v1"
            return _of_wallet(await client.sapiGetAccountApiRestrictions())
        except ccxt.BaseError as error:
            raise _failed(error) from None


def _of_wallet(said: Mapping[str, Any]) -> Rights:
    transfers = [_flag(said, "permitsUniversalTransfer"), _flag(said, "enableInternalTransfer")]
    return Rights(
        withdraw=_flag(said, "enableWithdrawals"),
        futures=_flag(said, "enableFutures"),
        ip_bound=_flag(said, "ipRestrict"),
        transfer=True if True in transfers else False if transfers == [False, False] else None,
    )


def _of_account(said: Mapping[str, Any]) -> Rights:
    """The account's own right to trade; it says nothing about the key."""
    return Rights(None, _flag(said, "canTrade"), None, None)


def _flag(said: Mapping[str, Any], name: str) -> bool | None:
    told = said.get(name)
    return told if isinstance(told, bool) else None


def _failed(error: ccxt.BaseError) -> ExchangeFailed:
    """Without the exception's own text, which holds the signed URL."""
    reply = reply_of(error)
    if reply is None or reply.code is None:
        return ExchangeUnreachable("the exchange did not answer; nothing is known about the key's rights")
    about = _ABOUT_THE_KEY.get(reply.code)
    if about:
        return ExchangeRefused(f"the exchange does not take the key: {about} ({reply.code})", reply.code)
    return ExchangeRefused(
        f"the exchange answered {reply.status} ({reply.code}): {reply.message[:200]}", reply.code
    )
