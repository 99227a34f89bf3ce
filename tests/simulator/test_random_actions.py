"""Random clients, random faults: the exchange's books balance, and the same seed gives the same log."""

import asyncio
import os
import random
from typing import Any

import pytest

from runner.simulator.audit import audit
from runner.simulator.box import Box
from runner.simulator.fault_draw import drawn_script
from runner.simulator.faults import parse_faults
from tests.simulator.skins import HOUR_MS, S, box_of, memory_client

# `make seeds` asks for 10,000
ACTIONS = int(os.environ.get("RUNNER_ACTIONS", "1200"))
SESSION = 300  # actions; longer ones end ruined or with the market played out, and do nothing more


class Client:
    """One client that does anything at all; `left` counts how its actions ended."""

    def __init__(self, ccxt: Any, box: Box, seed: int) -> None:
        self.ccxt, self.box = ccxt, box
        self.chance = random.Random(seed)
        self.orders: list[str] = []
        self.stops: list[str] = []
        self.done = self.refused = 0

    async def act(self, number: int) -> None:
        import ccxt

        names, weights = zip(*_ACTIONS.items(), strict=True)
        [name] = self.chance.choices(names, weights)
        try:
            await getattr(self, name)(number)
            self.done += 1
        except (ccxt.BaseError, AttributeError, TypeError, ValueError):  # ccxt stumbles over broken answers
            self.refused += 1

    def _price(self, span: float) -> float:
        return float(self.box.exchange.last_price("BTCUSDT")) * (1 + self.chance.uniform(-span, span))

    def _side(self) -> str:
        return self.chance.choice(["buy", "sell"])

    def _quantity(self) -> float:
        return self.chance.choice([0.001, 0.005, 0.01, 0.05, 0.3, 20])

    async def market(self, number: int) -> None:
        params = {"clientOrderId": f"m{number}", "reduceOnly": self.chance.random() < 0.4}
        await self.ccxt.create_order(S, "market", self._side(), self._quantity(), None, params)

    async def limit(self, number: int) -> None:
        lasts = self.chance.choice(["GTC", "IOC", "FOK", "GTX"])
        params = {
            "clientOrderId": f"l{number}",
            "timeInForce": lasts,
            "reduceOnly": self.chance.random() < 0.2,
        }
        told = await self.ccxt.create_order(
            S, "limit", self._side(), self._quantity(), self._price(0.02), params
        )
        self.orders.append(told["id"])

    async def stop(self, number: int) -> None:
        kind = self.chance.choice(["stopLossPrice", "takeProfitPrice"])
        params = {
            kind: self._price(0.03),
            "reduceOnly": self.chance.random() < 0.8,
            "clientOrderId": f"s{number}",
            "workingType": self.chance.choice(["MARK_PRICE", "CONTRACT_PRICE"]),
        }
        told = await self.ccxt.create_order(S, "market", self._side(), self._quantity(), None, params)
        self.stops.append(told["id"])

    async def everything(self, number: int) -> None:
        params = {"stopPrice": self._price(0.03), "closePosition": True, "clientOrderId": f"c{number}"}
        told = await self.ccxt.create_order(S, "STOP_MARKET", self._side(), None, None, params)
        self.stops.append(told["id"])

    async def trailing(self, number: int) -> None:
        params = {"trailingPercent": 1, "reduceOnly": True, "clientOrderId": f"t{number}"}
        told = await self.ccxt.create_order(S, "market", self._side(), 0.01, None, params)
        self.stops.append(told["id"])

    async def cancel(self, number: int) -> None:
        if self.orders:
            await self.ccxt.cancel_order(self.chance.choice(self.orders), S)

    async def cancel_stop(self, number: int) -> None:
        if self.stops:
            await self.ccxt.cancel_order(self.chance.choice(self.stops), S, {"trigger": True})

    async def cancel_all(self, number: int) -> None:
        await self.ccxt.cancel_all_orders(S, {"trigger": self.chance.random() < 0.5})

    async def amend(self, number: int) -> None:
        if self.orders:
            await self.ccxt.edit_order(
                self.chance.choice(self.orders), S, "limit", self._side(), self._quantity(), self._price(0.02)
            )

    async def settings(self, number: int) -> None:
        if self.chance.random() < 0.7:
            await self.ccxt.set_leverage(self.chance.choice([1, 5, 20, 75, 125]), S)
        else:
            await self.ccxt.set_margin_mode(self.chance.choice(["isolated", "cross"]), S)

    async def reads(self, number: int) -> None:
        await self.ccxt.fetch_balance()
        await self.ccxt.fetch_positions([S])
        await self.ccxt.fetch_open_orders(S)
        await self.ccxt.fetch_my_trades(S)

    async def time(self, number: int) -> None:
        if self.chance.random() < 0.1:
            self.box.play_bar()
        else:
            self.box.advance_to(self.box.now_ms + self.chance.randrange(60_000))


_ACTIONS = {
    "market": 6,
    "limit": 6,
    "stop": 5,
    "everything": 1,
    "trailing": 1,
    "cancel": 3,
    "cancel_stop": 3,
    "cancel_all": 1,
    "amend": 2,
    "settings": 1,
    "reads": 1,
    "time": 6,
}


def session(seed: int, actions: int) -> tuple[Box, Client]:
    """So many actions of one client against faults drawn by the seed; the books are looked at all along."""
    box = box_of(seed=seed)
    for fault in parse_faults(drawn_script(60, seed=seed, span_ms=3 * HOUR_MS, symbol="BTCUSDT"), box.now_ms):
        box.arm(fault)

    async def run() -> Client:
        from ccxt import BaseError

        async with memory_client(box) as ccxt:
            ccxt.timeout = 1
            while not ccxt.markets:
                try:
                    await ccxt.load_markets()
                except BaseError:  # a fault of the first second; time heals it
                    box.advance_to(box.now_ms + 60_000)
            client = Client(ccxt, box, seed)
            for number in range(actions):
                await client.act(number)
                if number % 50 == 0:
                    assert audit(box.exchange) == [], f"seed {seed}, action {number}"
            return client

    client = asyncio.run(run())
    assert audit(box.exchange) == [], f"seed {seed}"
    return box, client


@pytest.mark.parametrize("seed", range(ACTIONS // SESSION))
def test_the_books_balance_after_random_actions_with_faults(seed: int) -> None:
    box, client = session(seed, SESSION)
    assert client.done > SESSION / 5, "most actions did nothing at all"
    assert client.refused > 0
    assert len(box.mischief.hits) > 3, "hardly any fault struck"


def test_the_same_seed_gives_the_same_log() -> None:
    first, second = session(11, 150)[0], session(11, 150)[0]
    assert first.exchange.log.digest() == second.exchange.log.digest()
    assert first.mischief.hits == second.mischief.hits
    assert first.exchange.log.digest() != session(12, 150)[0].exchange.log.digest()
