"""What an exchange is set up with: the rules of its contracts, fees, and how it behaves where that is open.

In: nothing. Out: frozen values; `Levers` alone may be moved while it runs.
Refuses to know: where the figures come from.
Source: Binance USDⓈ-M `exchangeInfo`, `leverageBracket`; the switches are what the reference leaves open.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from runner.simulator.refusal import Refused


@dataclass(frozen=True, slots=True)
class Bracket:
    """Maintenance = notional × `maintenance_ratio` − `deduction_usdt` for notionals in (floor, cap]."""

    number: int
    leverage_max: int
    notional_floor: Decimal
    notional_cap: Decimal
    maintenance_ratio: Decimal
    deduction_usdt: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentRules:
    """One contract as `exchangeInfo` and `leverageBracket` describe it; brackets lowest notional first."""

    symbol: str
    base_asset: str
    brackets: tuple[Bracket, ...]
    tick_size: Decimal
    price_min: Decimal
    price_max: Decimal
    step_size: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    market_quantity_max: Decimal
    notional_usdt_min: Decimal
    price_precision: int
    quantity_precision: int
    quote_asset: str = "USDT"
    margin_asset: str = "USDT"
    status: str = "TRADING"
    percent_up: Decimal = Decimal("1.05")
    percent_down: Decimal = Decimal("0.95")
    orders_max: int = 200
    trigger_protect_ratio: Decimal = Decimal("0.05")
    liquidation_fee_ratio: Decimal = Decimal("0.0125")
    market_take_bound_ratio: Decimal = Decimal("0.05")
    amendments_max: int = 10_000
    funding_interval_ms: int = 8 * 3_600_000
    onboard_ms: int = 1_569_398_400_000


@dataclass(frozen=True, slots=True)
class Fees:
    """Ratios of the notional; defaults are those of a regular account."""

    maker_ratio: Decimal = Decimal("0.0002")
    taker_ratio: Decimal = Decimal("0.0005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What the reference leaves open, or has seen both ways (sections 5.5, 5.6, 8). Fixed for a run."""

    countdown_cancels_algos: bool = False  # 8.1
    child_id_same_as_algo: bool = True  # 8.2; otherwise the child order's client id is made up
    gtc_close_position_vanishes: bool = False  # 8.4: closePosition sent as plain GTC, when flat
    close_position_is_gte: bool = True  # closePosition without a timeInForce reports and acts as GTE_GTC
    close_position_needs_position: bool = False  # -4509 when flat, as some accounts see
    replies_have_averages: bool = (
        False  # 8.5: avgPrice and cumQuote in replies of POST/PUT/DELETE (for the skin)
    )
    reduce_only_excess_refused: bool = False  # more than the position: -2022; otherwise the rest expires
    resting_reduce_only_counts: bool = True  # -4118 when resting reduce-only orders use the position up
    resting_reduce_only_counts_at_trigger: bool = False  # the same for orders that a trigger makes
    reduce_only_expires_when_flat: bool = True  # plain reduce-only orders leave with the position
    nothing_to_reduce_status: str = "REJECTED"  # of an algo order that triggers in vain; or EXPIRED
    trigger_window_ms: int = 0  # how long an algo order stays TRIGGERING
    cancel_while_triggering_code: int = -4117  # or -2011
    activation_code: int = -2021  # of a trailing stop on the wrong side of the price; or -4135
    close_position_reduce_only_code: int = -1106  # or -4138
    trailing_ratio_max: Decimal = Decimal(20)  # in percent, as sent; 10 until 2026-10-23
    algo_orders_max: int = 200  # over all symbols
    funding_from_isolated_wallet: bool = True  # otherwise from the cross wallet
    log_ticks: bool = False  # every tick in the truth log too: long


@dataclass(slots=True)
class Levers:
    """Misbehaviour of the exchange itself, to be pulled while it runs; each counts down or stays as set."""

    trigger_rejections: int = 0  # so many next triggers end as REJECTED, the position unprotected
    trigger_hangs: int = 0  # so many next triggers stay TRIGGERING for ever
    foreign_child_ids: int = 0  # so many next children carry a client id of their own
    taker_share: Decimal | None = None  # of a taker's quantity, at most this share finds anyone
    maker_share: Decimal | None = None  # of a resting order, at most this share is filled at a tick
    entries_refused: Refused | None = None  # for whatever may open; exits and cancels pass (-1008)
    orders_refused: dict[str, Refused] = field(default_factory=dict)  # symbol, or "" for all → answer
