"""Fills as a table in, trades as a table out."""

import pytest
from report_tables import parse_fills, parse_payments

from runner.domain.order import REASONS
from runner.report.round_trips import RoundTrip, build_round_trips


def told(trip: RoundTrip) -> str:
    side = "long" if trip.side > 0 else "short"
    r = "-" if trip.r_multiple is None else f"{trip.r_multiple:g}"
    return (
        f"{side} {trip.quantity:g} {trip.entry_price:g} to {trip.exit_price:g} pnl {trip.pnl_usdt:g} "
        f"fees {trip.fees_usdt:g} funding {trip.funding_usdt:g} slip {trip.slippage_usdt:g} "
        f"R {r} {REASONS[trip.exit_reason]} bars {trip.entry_bar}-{trip.exit_bar}"
    )


def trades_of(fills: str, payments: str = "bar usdt") -> str:
    return "\n".join(told(trip) for trip in build_round_trips(parse_fills(fills), parse_payments(payments)))


def test_a_long_is_paid_the_difference_less_its_fees() -> None:
    fills = """
        bar side quantity price after fee slip reason      risk
          1 buy         2   100     2 0.1 0.04 entry         10
          4 sell        2   110     0 0.2 0    take_profit    0
    """
    expected = "long 2 100 to 110 pnl 19.7 fees 0.3 funding 0 slip 0.04 R 1.97 take_profit bars 1-4"
    assert trades_of(fills) == expected


def test_a_short_is_paid_the_difference_the_other_way() -> None:
    fills = """
        bar side quantity price after fee slip reason    risk
          0 sell        2   100    -2 0.1 0    entry       10
          0 buy         2   105     0 0.1 0.02 stop_loss    0
    """
    expected = "short 2 100 to 105 pnl -10.2 fees 0.2 funding 0 slip 0.02 R -1.02 stop_loss bars 0-0"
    assert trades_of(fills) == expected


def test_without_a_stop_there_is_no_r_multiple() -> None:
    fills = """
        bar side quantity price after
          1 buy         1   100     1
          2 sell        1   101     0
    """
    assert " R - " in trades_of(fills)


def test_a_fill_that_turns_the_position_ends_one_trade_and_begins_the_next() -> None:
    fills = """
        bar side quantity price after fee slip reason  risk
          0 buy         2   100     2 0.2 0    entry     10
          3 sell        5   104    -3 0.5 0.05 reverse   30
          6 buy         3   100     0 0.3 0    rule       0
    """
    assert trades_of(fills) == (
        "long 2 100 to 104 pnl 7.6 fees 0.4 funding 0 slip 0.02 R 0.76 reverse bars 0-3\n"
        "short 3 104 to 100 pnl 11.4 fees 0.6 funding 0 slip 0.03 R 0.38 rule bars 3-6"
    )


def test_a_ladder_is_one_trade_whose_exit_price_is_the_weighted_average() -> None:
    fills = """
        bar side quantity price after fee slip reason        risk
          0 buy         4   100     4 0   0    entry           20
          1 sell        1   110     3 0   0    take_profit     20
          2 sell        1   120     2 0   0    take_profit     20
          3 sell        2   105     0 0   0    trailing_stop    0
    """
    assert trades_of(fills) == "long 4 100 to 110 pnl 40 fees 0 funding 0 slip 0 R 2 trailing_stop bars 0-3"


def test_every_closing_reason_of_a_ladder_is_remembered() -> None:
    fills = """
        bar side quantity price after fee slip reason
          0 buy         4   100     4 0   0    entry
          1 sell        1   110     3 0   0    take_profit
          3 sell        3   105     0 0   0    trailing_stop
    """
    (trip,) = build_round_trips(parse_fills(fills), [])
    assert [REASONS[reason] for reason in trip.exit_reasons] == ["take_profit", "trailing_stop"]


def test_an_entry_in_parts_averages_its_price_and_keeps_the_whole_risk() -> None:
    fills = """
        bar side quantity price after fee slip reason    risk
          0 sell        1   100    -1 0.1 0    entry        5
          1 sell        3   104    -4 0.3 0    entry       20
          5 buy         4   108     0 0   0    stop_loss    0
    """
    assert trades_of(fills) == (
        "short 4 103 to 108 pnl -20.4 fees 0.4 funding 0 slip 0 R -1.02 stop_loss bars 0-5"
    )


def test_adding_after_a_partial_exit_stays_one_trade() -> None:
    fills = """
        bar side quantity price after
          0 buy         2   100     2
          1 sell        1   110     1
          2 buy         1   104     2
          3 sell        2   107     0
    """
    assert trades_of(fills).startswith("long 3 101.333 to 108 pnl 20 ")


def test_an_order_that_the_venue_refused_is_no_fill() -> None:
    fills = """
        bar side quantity price after fee slip reason
          0 buy         0     0     0 0   0    post_only
          1 buy         1   100     1 0   0    entry
          2 sell        1   101     0 0   0    rule
    """
    assert trades_of(fills).count("\n") == 0


def test_one_fill_at_an_awkward_price_is_given_back_to_the_last_bit() -> None:
    fills = """
        bar side quantity price      after
          0 buy     0.003 64123.7    0.003
          1 sell    0.003 64001.1    0
    """
    (trip,) = build_round_trips(parse_fills(fills), [])
    assert (trip.entry_price, trip.exit_price) == (64123.7, 64001.1)


@pytest.mark.parametrize(
    ("bar", "owner"),
    [(1, "long"), (2, "long"), (4, "long"), (5, "short"), (8, "short")],
)
def test_funding_belongs_to_the_trade_carried_into_its_time(bar: int, owner: str) -> None:
    """The long is turned at the open of bar 4: the payment of that instant is still its own."""
    fills = """
        bar side quantity price after reason
          0 buy         2   100     2
          4 sell        5   100    -3
          8 buy         3   100     0
    """
    trips = build_round_trips(parse_fills(fills), parse_payments(f"bar usdt\n{bar} -1.5"))
    assert {"long": trips[0], "short": trips[1]}[owner].funding_usdt == -1.5
    assert sum(trip.funding_usdt for trip in trips) == -1.5


def test_funding_counts_in_the_pnl_of_the_trade() -> None:
    fills = """
        bar side quantity price after fee slip reason risk
          0 sell        1   100    -1 0   0    entry    10
          9 buy         1   100     0 0   0    rule      0
    """
    assert trades_of(fills, "bar usdt\n8 0.5") == (
        "short 1 100 to 100 pnl 0.5 fees 0 funding 0.5 slip 0 R 0.05 rule bars 0-9"
    )


def test_no_fills_make_no_trades() -> None:
    assert build_round_trips([], []) == []


def test_a_run_that_does_not_end_flat_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="ends flat"):
        build_round_trips(parse_fills("bar side quantity price after\n0 buy 1 100 1"), [])
