"""Random actions on an exchange: every kind of command, price moves, time, levers, from a seed.

Each is drawn so that most are accepted: what is only ever refused proves nothing.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from runner.simulator.catalogue import recorded_rules
from runner.simulator.exchange import Exchange
from runner.simulator.refusal import Refused
from runner.simulator.rules import Switches
from runner.simulator.shape import BookShape
from runner.simulator.types import AmendOrder, NewAlgo, NewOrder, Tick

START_MS = 1_700_000_000_000
SYMBOLS = ("BTCUSDT", "ETHUSDT")
ACCOUNTS = ("one", "two", "hedger")
PRICES = {"BTCUSDT": Decimal("60000.0"), "ETHUSDT": Decimal("3000.00")}
THIN = BookShape(levels=8, level_notional_usdt=Decimal(3000))


def opened(seed: int = 0, switches: Switches | None = None, shape: BookShape = THIN) -> Exchange:
    """Two contracts with prices, two one-way accounts and one in hedge mode."""
    exchange = Exchange(recorded_rules(), start_ms=START_MS, seed=seed, switches=switches, shape=shape)
    for symbol, price in PRICES.items():
        exchange.tick(Tick(symbol, price, Decimal(1), price))
    for name in ACCOUNTS:
        exchange.open_account(name, Decimal(5000))
    exchange.desk.set_dual("hedger", True)
    return exchange


class Actor:
    """Draws actions and does them; refusals are counted by code."""

    def __init__(self, exchange: Exchange, random: Random) -> None:
        self.exchange = exchange
        self.random = random
        self.refusals: dict[int, int] = {}
        self.done: dict[str, int] = {}
        self._number = 0
        self._weights = {
            "move_price": 30,
            "place": 40,
            "place_algo": 14,
            "cancel": 8,
            "amend": 6,
            "cancel_algo": 4,
            "settle": 3,
            "configure": 4,
            "pass_time": 4,
            "transfer": 2,
            "interfere": 2,
        }

    def act(self, name: str | None = None) -> str:
        """One action, of that name or drawn; its name."""
        chosen = name or self.random.choices(list(self._weights), list(self._weights.values()))[0]
        action: Callable[[], None] = getattr(self, chosen)
        try:
            action()
        except Refused as no:
            self.refusals[no.code] = self.refusals.get(no.code, 0) + 1
        else:
            self.done[chosen] = self.done.get(chosen, 0) + 1
        return chosen

    def _pick(self) -> tuple[str, str]:
        return self.random.choice(ACCOUNTS), self.random.choice(SYMBOLS)

    def _price(self, symbol: str, away: float) -> Decimal:
        last, tick = self.exchange.last_price(symbol), self.exchange.rules(symbol).tick_size
        price = last * Decimal(repr(1 + self.random.uniform(-away, away)))
        return max(tick, (price / tick).to_integral_value() * tick)

    def _quantity(self, symbol: str) -> Decimal:
        notional = Decimal(self.random.choice((90, 200, 1000, 5000, 40_000)))
        step = self.exchange.rules(symbol).step_size
        return max(step, (notional / self.exchange.last_price(symbol) / step).to_integral_value() * step)

    def _client_id(self) -> str | None:
        self._number += 1
        return self.random.choice((None, f"c{self._number}", f"c{self.random.randrange(20)}"))

    def _position_side(self, account: str) -> str | None:
        return self.random.choice(("LONG", "SHORT")) if self.exchange.desk.is_dual(account) else None

    def move_price(self) -> None:
        """Mostly a little, at times a crash, then home again; the mark follows, or not quite."""
        symbol = self.random.choice(SYMBOLS)
        price = self._price(symbol, self.random.choice((0.0005, 0.0005, 0.002, 0.002, 0.01, 0.01, 0.12)))
        price = price if self.random.random() < 0.9 else PRICES[symbol]
        mark = self.random.choice((None, price, price * Decimal("1.0007")))
        self.exchange.tick(Tick(symbol, price, Decimal(self.random.choice((0, 1, 30))), mark))
        self.exchange.levers.entries_refused = None  # an overload is short

    def place(self) -> None:
        account, symbol = self._pick()
        is_limit = self.random.random() < 0.6
        in_force = self.random.choice(("GTC", "GTC", "GTC", "IOC", "FOK", "GTX", "GTD"))
        dual = self.exchange.desk.is_dual(account)
        reduce_only = None if dual else self.random.choice((None, None, None, None, True))
        good_till = self.exchange.now_ms + self.random.choice((600_001, 900_000))
        self.exchange.orders.place(
            account,
            NewOrder(
                symbol=symbol,
                side=self.random.choice(("BUY", "SELL")),
                type="LIMIT" if is_limit else "MARKET",
                quantity=self._quantity(symbol),
                price=self._price(symbol, 0.003) if is_limit else None,
                time_in_force=in_force if is_limit else None,
                position_side=self._position_side(account),
                reduce_only=reduce_only,
                client_id=self._client_id(),
                self_trade_prevention=self.random.choice(
                    ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
                ),
                good_till_ms=good_till if is_limit and in_force == "GTD" else None,
            ),
        )

    def place_algo(self) -> None:
        account, symbol = self._pick()
        kind = self.random.choice(
            ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
        )
        trailing, limit = kind.startswith("TRAIL"), kind in {"STOP", "TAKE_PROFIT"}
        close = kind in {"STOP_MARKET", "TAKE_PROFIT_MARKET"} and self.random.random() < 0.5
        dual = self.exchange.desk.is_dual(account)
        self.exchange.algos.place(
            account,
            NewAlgo(
                symbol=symbol,
                side=self.random.choice(("BUY", "SELL")),
                type=kind,
                trigger_price=None if trailing else self._price(symbol, 0.02),
                quantity=None if close else self._quantity(symbol),
                price=self._price(symbol, 0.02) if limit else None,
                position_side=self._position_side(account),
                reduce_only=None if close or dual else self.random.choice((None, True)),
                close_position=True if close else None,
                working_type=self.random.choice(("MARK_PRICE", "CONTRACT_PRICE")),
                price_protect=self.random.random() < 0.2,
                activation_price=self.random.choice((None, self._price(symbol, 0.01))) if trailing else None,
                callback_ratio=Decimal(self.random.choice(("0.1", "1", "5"))) if trailing else None,
                client_id=self._client_id(),
            ),
        )

    def cancel(self) -> None:
        account, symbol = self._pick()
        found = self.exchange.orders.open(account, symbol)
        if self.random.random() < 0.15:
            self.exchange.orders.cancel_all(account, symbol)
        else:
            chosen = self.random.choice(found).order_id if found else 1
            self.exchange.orders.cancel(account, symbol, chosen)

    def amend(self) -> None:
        account, symbol = self._pick()
        found = self.exchange.orders.open(account, symbol)
        if not found:
            return
        order = self.random.choice(found)
        self.exchange.orders.amend(
            account,
            AmendOrder(
                symbol=symbol,
                side=order.side,
                order_id=order.order_id,
                quantity=self.random.choice((None, self._quantity(symbol))),
                price=self._price(symbol, 0.003),
            ),
        )

    def cancel_algo(self) -> None:
        account, symbol = self._pick()
        found = self.exchange.algos.open(account, symbol)
        if self.random.random() < 0.15:
            self.exchange.algos.cancel_all(account, symbol)
        else:
            self.exchange.algos.cancel(account, algo_id=self.random.choice(found).algo_id if found else 1)

    def settle(self) -> None:
        ratio = Decimal(self.random.choice(("0.0001", "-0.0003", "0.0075")))
        self.exchange.settle_funding(self.random.choice(SYMBOLS), ratio)

    def configure(self) -> None:
        account, symbol = self._pick()
        choice = self.random.randrange(4)
        if choice == 0:
            self.exchange.desk.set_leverage(account, symbol, self.random.choice((1, 3, 10, 20, 50, 125)))
        elif choice == 1:
            self.exchange.desk.set_margin_type(account, symbol, self.random.choice(("ISOLATED", "CROSSED")))
        elif choice == 2:
            self.exchange.desk.set_dual(account, self.random.random() < 0.5)
        else:
            side = self._position_side(account)
            self.exchange.desk.add_margin(account, symbol, Decimal(self.random.choice((-20, 5, 50))), side)

    def pass_time(self) -> None:
        account, symbol = self._pick()
        self.exchange.orders.countdown(account, symbol, self.random.choice((0, 60_000)))
        self.exchange.advance_to(self.exchange.now_ms + self.random.choice((1, 30_000, 120_000, 900_000)))

    def transfer(self) -> None:
        self.exchange.desk.transfer(
            self.random.choice(ACCOUNTS), Decimal(self.random.choice((-50, 100, 5000)))
        )

    def interfere(self) -> None:
        account, symbol = self._pick()
        choice = self.random.randrange(5)
        levers = self.exchange.levers
        if choice == 0:
            self.exchange.hazards.liquidate(account, symbol)
        elif choice == 1:
            side = self._position_side(account) or "BOTH"
            self.exchange.hazards.deleverage(account, symbol, side, Decimal("0.5"))
        elif choice == 2:
            levers.taker_share = self.random.choice((None, None, Decimal("0.4")))
            levers.maker_share = self.random.choice((None, None, Decimal("0.3")))
        elif choice == 3:
            levers.trigger_rejections, levers.foreign_child_ids = 1, 1
        else:
            no = Refused(-1008, "Server is currently overloaded with other requests.")
            levers.entries_refused = self.random.choice((None, None, None, no))
