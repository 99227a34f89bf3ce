"""The fill rules of the execution semantics, one by one. Every case of MIRROR is also run upside down."""

import pytest
from fill_cases import Case, fills_of, mirrored, read_cases, run_case

from runner.backtest.engine import interpreted_engine

# Distances are absolute, so that p → 200 − p is the same case for the other side.
MIRROR = """
a market entry fills at the next open:
    L 100 101 99 100
    . 103 104 102 103
    -> 1 entry buy 1 @ 103

a signal on the last bar fills nothing:
    . 100 101 99 100
    L 100 101 99 100

both signals at once trade nothing:
    B 100 101 99 100
    . 100 101 99 100

a rule exit fills at the next open:
    L 100 101 99 100
    X 100 101 99 100
    . 105 106 104 105
    -> 1 entry buy 1 @ 100
    -> 2 rule sell 1 @ 105

a stop fills at its trigger: stop 5
    L 100 101 99 100
    . 100 101 99 100
    . 99 100 94 98
    -> 1 entry buy 1 @ 100
    -> 2 stop_loss sell 1 @ 95

a stop touched to the tick triggers: stop 5
    L 100 101 99 100
    . 100 101 95 100
    -> 1 entry buy 1 @ 100
    -> 1 stop_loss sell 1 @ 95

a bar that opens beyond the stop fills at its open: stop 5
    L 100 101 99 100
    . 100 101 99 100
    . 92 93 91 92
    -> 1 entry buy 1 @ 100
    -> 2 stop_loss sell 1 @ 92

entry and stop can happen in one bar: stop 5
    L 100 101 99 100
    . 100 101 90 100
    -> 1 entry buy 1 @ 100
    -> 1 stop_loss sell 1 @ 95

stop before target when one bar reaches both: stop 5; target 2R 100%
    L 100 101 99 100
    . 100 120 94 100
    -> 1 entry buy 1 @ 100
    -> 1 stop_loss sell 1 @ 95

a target needs one tick through: stop 5; target 2R 100%
    L 100 101 99 100
    . 100 110 99 100
    . 100 111 99 100
    -> 1 entry buy 1 @ 100
    -> 2 take_profit sell 1 @ 110 maker

a target fills on a touch when told so: stop 5; target 2R 100%; touch
    L 100 101 99 100
    . 100 110 99 100
    -> 1 entry buy 1 @ 100
    -> 1 take_profit sell 1 @ 110 maker

a bar that opens beyond a target fills it at its own price: stop 5; target 2R 100%
    L 100 101 99 100
    . 100 101 99 100
    . 115 116 114 115
    -> 1 entry buy 1 @ 100
    -> 2 take_profit sell 1 @ 110 maker

a market target triggers on a touch and takes: stop 5; target 2R 100% market
    L 100 101 99 100
    . 100 110 99 100
    -> 1 entry buy 1 @ 100
    -> 1 take_profit sell 1 @ 110

a bar that opens beyond a market target fills at the open: stop 5; target 2R 100% market
    L 100 101 99 100
    . 100 101 99 100
    . 115 116 114 115
    -> 1 entry buy 1 @ 100
    -> 2 take_profit sell 1 @ 115

a ladder closes its parts in order: quantity 10; stop 5; target 1R 40%; target 2R 30%
    L 100 101 99 100
    . 100 112 99 108
    . 108 109 94 96
    -> 1 entry buy 10 @ 100
    -> 1 take_profit sell 4 @ 105 maker
    -> 1 take_profit sell 3 @ 110 maker
    -> 2 stop_loss sell 3 @ 95

a full ladder leaves nothing: quantity 3; stop 5; target 1R 50%; target 2R 50%
    L 100 101 99 100
    . 100 111 99 108
    -> 1 entry buy 3 @ 100
    -> 1 take_profit sell 1 @ 105 maker
    -> 1 take_profit sell 2 @ 110 maker

each rung fills in a bar of its own: quantity 10; stop 5; target 1R 40%; target 2R 30%
    L 100 101 99 100
    . 100 107 99 106
    . 106 120 105 118
    . 118 130 94 95
    -> 1 entry buy 10 @ 100
    -> 1 take_profit sell 4 @ 105 maker
    -> 2 take_profit sell 3 @ 110 maker
    -> 3 stop_loss sell 3 @ 95

a target that the open is beyond comes before a wanted exit: quantity 10; stop 5; target 2R 40%
    L 100 101 99 100
    X 100 101 99 100
    . 115 116 114 115
    -> 1 entry buy 10 @ 100
    -> 2 take_profit sell 4 @ 110 maker
    -> 2 rule sell 6 @ 115

a fresh limit at the very open rests and needs one tick through: limit 0 expires 5
    L 100 101 99 100
    . 100 101 100 101
    . 101 102 99 101
    -> 2 entry buy 1 @ 100 maker

a limit entry that expired in a hole of the data does not fill: limit 0 expires 1
    L 100 101 99 100
    ~ 60
    . 102 103 90 102

a mark stop that the open is beyond fills at the worse of trigger and open: stop 5; on_mark
    L 100 101 99 100
    . 100 101 99 100
    . 99 100 98 99 mark 94 95 93 94
    -> 1 entry buy 1 @ 100
    -> 2 stop_loss sell 1 @ 95

a reverse does not step over the cooldown of its own exit: reverse; cool exit 3
    L 100 101 99 100
    S 100 101 99 100
    . 100 101 99 100
    S 100 101 99 100
    -> 1 entry buy 1 @ 100
    -> 2 reverse sell 1 @ 100

a reverse that ends a loss heeds the cooldown after losses: reverse; cool loss 3
    L 100 101 99 100
    S 99 100 97 98
    . 98 99 97 98
    -> 1 entry buy 1 @ 99
    -> 2 reverse sell 1 @ 98

a resting limit needs one tick through: limit 0 expires 5
    L 100 101 99 100
    . 101 102 100 101
    . 101 102 99 101
    -> 2 entry buy 1 @ 100 maker

a limit that the open already crosses takes at the open: limit 0 expires 5
    L 100 101 99 100
    . 99 102 98 101
    -> 1 entry buy 1 @ 99

a post-only limit that would take is refused: limit 0 expires 5 post_only
    L 100 101 99 100
    . 99 102 95 101
    . 99 102 95 101

a resting limit jumped over fills at its own price: limit 0 expires 5
    L 100 101 99 100
    . 102 103 101 102
    . 95 96 94 95
    -> 2 entry buy 1 @ 100 maker

a limit entry expires: limit 0 expires 2
    L 100 101 99 100
    . 102 103 101 102
    . 102 103 101 102
    . 102 103 90 102

a limit entry and its stop can happen in one bar: limit 0 expires 5; stop 5
    L 100 101 99 100
    . 102 103 94 102
    -> 1 entry buy 1 @ 100 maker
    -> 1 stop_loss sell 1 @ 95

the extreme before a limit entry pays no target: limit 0 expires 5; stop 5; target 1R 100%
    L 100 101 99 100
    . 102 110 98 101
    -> 1 entry buy 1 @ 100 maker

a target below the close of the entry bar was surely reached: limit 0 expires 5; stop 5; target 1R 100%
    L 100 101 99 100
    . 102 120 98 118
    -> 1 entry buy 1 @ 100 maker
    -> 1 take_profit sell 1 @ 105 maker

an opposite signal replaces a resting limit: limit 0 expires 9
    L 100 101 99 100
    S 104 105 103 104
    . 103 106 90 100
    -> 2 entry sell 1 @ 104 maker

a trailing stop moves at the close and works in the next bar: trail 4
    L 100 101 99 100
    . 100 110 99 109
    . 109 110 105 106
    -> 1 entry buy 1 @ 100
    -> 2 trailing_stop sell 1 @ 106

a trailing stop never loosens: trail 4
    L 100 101 99 100
    . 100 110 99 109
    . 109 109 107 108
    . 108 108 107 107
    . 107 107 105 106
    -> 1 entry buy 1 @ 100
    -> 4 trailing_stop sell 1 @ 106

a trailing stop waits for its start: stop 5; trail 2 from 2R
    L 100 101 99 100
    . 100 109 99 108
    . 108 109 100 104
    . 104 110 103 109
    . 109 109 105 106
    -> 1 entry buy 1 @ 100
    -> 4 trailing_stop sell 1 @ 108

break-even moves the stop to the entry: stop 5; even 1R
    L 100 101 99 100
    . 100 105 99 104
    . 104 105 99 101
    -> 1 entry buy 1 @ 100
    -> 2 break_even sell 1 @ 100

break-even does not act within the bar that reached it: stop 5; even 1R
    L 100 101 99 100
    . 100 105 99 100
    . 101 102 101 101
    -> 1 entry buy 1 @ 100

the tightest stop rests: stop 5; trail 20
    L 100 101 99 100
    . 100 101 94 96
    -> 1 entry buy 1 @ 100
    -> 1 stop_loss sell 1 @ 95

the time stop closes after so many bars: time 2
    L 100 101 99 100
    . 100 101 99 100
    . 101 102 100 101
    . 103 104 102 103
    -> 1 entry buy 1 @ 100
    -> 3 time_stop sell 1 @ 103

reverse closes and opens in one order: reverse
    L 100 101 99 100
    S 101 102 100 101
    . 104 105 103 104
    -> 1 entry buy 1 @ 101
    -> 2 reverse sell 2 @ 104

without reverse the opposite signal changes nothing:
    L 100 101 99 100
    S 101 102 100 101
    . 104 105 103 104
    -> 1 entry buy 1 @ 101

a wanted exit comes before the stop at the same open: stop 5
    L 100 101 99 100
    X 100 101 99 100
    . 90 91 89 90
    -> 1 entry buy 1 @ 100
    -> 2 rule sell 1 @ 90

the mark price triggers, the last price fills: stop 5; on_mark
    L 100 101 99 100
    . 100 101 99 100
    . 100 101 90 96 mark 100 101 96 97
    . 96 97 88 94 mark 96 97 92 94
    -> 1 entry buy 1 @ 100
    -> 3 stop_loss sell 1 @ 94

the last price alone does not trigger a mark stop: stop 5; on_mark
    L 100 101 99 100
    . 100 101 80 96 mark 100 101 96 97
    -> 1 entry buy 1 @ 100

a stop price from a column: stop at 93
    L 100 101 99 100
    . 100 101 99 100
    . 99 100 92 94
    -> 1 entry buy 1 @ 100
    -> 2 stop_loss sell 1 @ 93

a stop on the wrong side of the price refuses the entry: stop at 104
    L 100 101 99 100
    . 100 101 99 100

a cooldown in bars: cool exit 2
    L 100 101 99 100
    X 100 101 99 100
    L 100 101 99 100
    L 100 101 99 100
    L 100 101 99 100
    . 101 102 100 101
    -> 1 entry buy 1 @ 100
    -> 2 rule sell 1 @ 100
    -> 5 entry buy 1 @ 101

a cooldown after a stop does not follow a rule exit: stop 50; cool stop 9
    L 100 101 99 100
    X 100 101 99 100
    L 100 101 99 100
    . 101 102 100 101
    -> 1 entry buy 1 @ 100
    -> 2 rule sell 1 @ 100
    -> 3 entry buy 1 @ 101

losses in a row block: cool losses 2 9
    L 100 101 99 100
    X 100 101 99 99
    L 99 101 99 100
    X 100 101 99 99
    L 99 101 99 100
    L 100 101 99 100
    -> 1 entry buy 1 @ 100
    -> 2 rule sell 1 @ 99
    -> 3 entry buy 1 @ 100
    -> 4 rule sell 1 @ 99

the day's entries: trades 1
    L 100 101 99 100
    X 100 101 99 100
    L 100 101 99 100
    . 100 101 99 100
    -> 1 entry buy 1 @ 100
    -> 2 rule sell 1 @ 100

the day's entries begin anew at midnight: trades 1; start_minute -3
    L 100 101 99 100
    X 100 101 99 100
    L 100 101 99 100
    . 101 102 100 101
    -> 1 entry buy 1 @ 100
    -> 2 rule sell 1 @ 100
    -> 3 entry buy 1 @ 101

on the favourable path the target comes first: path favourable; stop 5; target 2R 100%
    L 100 101 99 100
    . 100 111 94 100
    -> 1 entry buy 1 @ 100
    -> 1 take_profit sell 1 @ 110 maker

favourable, the helping extreme follows the entry: path favourable; limit 0 expires 5; stop 5; target 1R 100%
    L 100 101 99 100
    . 102 110 94 101
    -> 1 entry buy 1 @ 100 maker
    -> 1 take_profit sell 1 @ 105 maker

nearest first, the nearer extreme is the target's: path nearest; stop 6; target 1R 100%
    L 100 101 99 100
    . 100 107 92 100
    -> 1 entry buy 1 @ 100
    -> 1 take_profit sell 1 @ 106 maker

nearest first, the nearer extreme is the stop's: path nearest; stop 6; target 2R 100%
    L 100 101 99 100
    . 100 114 93 100
    -> 1 entry buy 1 @ 100
    -> 1 stop_loss sell 1 @ 94

nearest first, as far either way, what hurts comes first: path nearest; stop 6; target 1R 100%
    L 100 101 99 100
    . 100 107 93 100
    -> 1 entry buy 1 @ 100
    -> 1 stop_loss sell 1 @ 94

a market entry over its share of the volume is cut, the rest dropped: quantity 5; share 2%
    L 100 101 99 100
    . 100 101 99 100
    . 101 102 100 101
    -> 1 entry buy 2 @ 100

a cut market entry goes on when its rest is carried: quantity 5; share 2% carry
    L 100 101 99 100
    . 100 101 99 100
    . 101 102 100 101
    . 102 103 101 102
    . 103 104 102 103
    -> 1 entry buy 2 @ 100
    -> 2 entry buy 2 @ 101
    -> 3 entry buy 1 @ 102

a cut exit always goes on: quantity 2; share 1% carry
    L 100 101 99 100
    . 100 101 99 100
    X 100 101 99 100
    . 101 102 100 101
    . 102 103 101 102
    -> 1 entry buy 1 @ 100
    -> 2 entry buy 1 @ 100
    -> 3 rule sell 1 @ 101
    -> 4 rule sell 1 @ 102

a cut stop goes on at the next open: quantity 2; share 1% carry; stop 5
    L 100 101 99 100
    . 100 101 99 100
    . 100 101 99 100
    . 100 101 94 99
    . 98 99 97 98
    -> 1 entry buy 1 @ 100
    -> 2 entry buy 1 @ 100
    -> 3 stop_loss sell 1 @ 95
    -> 4 stop_loss sell 1 @ 98

a cut target rests on: quantity 2; share 1% carry; stop 5; target 1R 100%
    L 100 101 99 100
    . 100 101 99 100
    . 100 101 99 100
    . 100 107 99 106
    . 104 105 103 104
    . 104 107 103 104
    -> 1 entry buy 1 @ 100
    -> 2 entry buy 1 @ 100
    -> 3 take_profit sell 1 @ 105 maker
    -> 5 take_profit sell 1 @ 105 maker

a cut limit entry waits for its rest until it expires: quantity 3; share 1% carry; limit 0 expires 3
    L 100 101 99 100
    . 102 103 98 102
    . 102 103 98 102
    . 102 103 101 102
    . 102 103 98 102
    -> 1 entry buy 1 @ 100 maker
    -> 2 entry buy 1 @ 100 maker

a target is taken before a later limit of the same bar: stop 5; target 1R 100%
    L 100 101 99 100
    . 100 106 96 100
    -> 1 entry buy 1 @ 100
    -> 1 take_profit sell 1 @ 105 maker
"""

# Ratios and money are not the same upside down: these stand as they are.
AS_IS = """
a long pays slippage on entry and stop: stop 10%; slip 100bps
    L 100 101 99 100
    . 100 101 99 100
    . 99 100 85 98
    -> 1 entry buy 1 @ 101
    -> 2 stop_loss sell 1 @ 90.09

a short pays slippage on entry and stop: stop 10%; slip 100bps
    S 100 101 99 100
    . 100 101 99 100
    . 100 120 99 100
    -> 1 entry sell 1 @ 99
    -> 2 stop_loss buy 1 @ 109.08

slippage grows with our share of the volume: quantity 25; impact 4%
    L 100 101 99 100
    . 100 101 99 100
    -> 1 entry buy 25 @ 102

a short's stop on a grid of tenths is touched by its very price: tick 0.1; stop 4.9%
    S 100 101 99 100
    . 100 104.9 99 104
    -> 1 entry sell 1 @ 100
    -> 1 stop_loss buy 1 @ 104.9

a long's target on a grid of tenths needs one tenth through: tick 0.1; stop 10%; target 5.1% 100%
    L 100 101 99 100
    . 100 105.1 99 104
    . 104 105.2 99 104
    -> 1 entry buy 1 @ 100
    -> 2 take_profit sell 1 @ 105.1 maker

an entry is cut to what the wallet has margin for: capital 1000; leverage 10; notional 10000; taker 0.1%
    L 100 101 99 100
    . 108 109 107 108
    -> 1 entry buy 91 @ 108

an entry that nothing is left for is rejected: capital 100; notional 100
    L 100 101 99 100
    . 101 102 100 101

slippage is bounded however thin the bar: quantity 90; impact 100%
    L 100 101 99 100
    . 100 101 99 100
    -> 1 entry buy 90 @ 150

a crossing limit entry never pays more than its limit: limit 0; slip 200bps
    L 100 101 99 100
    . 99 101 98 100
    -> 1 entry buy 1 @ 100

a long's stop rounds up to the tick: stop 4.5%
    L 100 101 99 100
    . 101 102 96 100
    . 100 100 97 98
    -> 1 entry buy 1 @ 101
    -> 1 stop_loss sell 1 @ 97

a short's stop rounds down to the tick: stop 4.5%
    S 100 101 99 100
    . 101 105 100 100
    -> 1 entry sell 1 @ 101
    -> 1 stop_loss buy 1 @ 105

risk sizing: capital 10000; risk 1%; stop 5; leverage 5
    L 100 101 99 100
    . 100 101 99 100
    -> 1 entry buy 20 @ 100

risk sizing is capped by leverage: capital 10000; risk 50%; stop 5; leverage 2
    L 100 101 99 100
    . 100 101 99 100
    -> 1 entry buy 200 @ 100

equity sizing is capped by the largest notional: capital 10000; equity 90%; most 30%
    L 100 101 99 100
    . 100 101 99 100
    -> 1 entry buy 30 @ 100

notional sizing rounds the quantity down: notional 250
    L 100 101 99 100
    . 100 101 99 100
    -> 1 entry buy 2 @ 100

an order under the smallest quantity is not sent: notional 50
    L 100 101 99 100
    . 100 101 99 100

the daily loss limit is a price inside the bar: capital 1000; quantity 10; daily 5% flatten
    L 100 101 99 100
    . 100 101 99 100
    . 100 101 90 99
    L 99 100 98 99
    . 99 100 98 99
    -> 1 entry buy 10 @ 100
    -> 2 daily_loss sell 10 @ 95

the daily loss limit of a short is a price too: capital 1000; quantity 10; daily 50 flatten
    S 100 101 99 100
    . 100 101 99 100
    . 100 110 99 101
    -> 1 entry sell 10 @ 100
    -> 2 daily_loss buy 10 @ 105

a blocking daily loss limit leaves the position alone: capital 1000; quantity 10; daily 5% block
    L 100 101 99 100
    . 100 101 90 94
    X 94 95 93 94
    L 94 95 93 94
    . 94 95 93 94
    -> 1 entry buy 10 @ 100
    -> 3 rule sell 10 @ 94

the daily loss limit ends at midnight: capital 1000; quantity 2; daily 2% flatten; start_minute -5
    L 100 101 99 100
    . 100 101 89 99
    L 99 100 98 99
    L 99 100 98 99
    L 99 100 98 99
    . 99 100 98 99
    -> 1 entry buy 2 @ 100
    -> 1 daily_loss sell 2 @ 90
    -> 5 entry buy 2 @ 99

the drawdown limit is a price and halts for good: capital 1000; quantity 10; drawdown 10% halt
    L 100 101 99 100
    . 100 101 89 92
    L 92 93 91 92
    L 92 93 91 92
    -> 1 entry buy 10 @ 100
    -> 1 max_drawdown sell 10 @ 90

a drawdown limit that flattened opens nothing more: capital 1000; quantity 10; drawdown 10.005% flatten
    L 100 101 99 100
    . 100 101 89 92
    L 92 93 91 92
    L 92 93 91 92
    -> 1 entry buy 10 @ 100
    -> 1 max_drawdown sell 10 @ 90

a stop tighter than the limit's price comes first: capital 1000; quantity 10; stop 3; daily 5% flatten
    L 100 101 99 100
    . 100 101 90 99
    -> 1 entry buy 10 @ 100
    -> 1 stop_loss sell 10 @ 97

a long is liquidated at its bankruptcy price: leverage 10; notional 1000
    L 100 101 99 100
    . 100 101 99 100
    . 100 101 90 95
    -> 1 entry buy 10 @ 100
    -> 2 liquidation sell 10 @ 90

a short is liquidated at its bankruptcy price: leverage 10; notional 1000
    S 100 101 99 100
    . 100 101 99 100
    . 100 111 99 105
    -> 1 entry sell 10 @ 100
    -> 2 liquidation buy 10 @ 110

the stop comes before liquidation on the way down: leverage 10; notional 1000; stop 5
    L 100 101 99 100
    . 100 101 80 95
    -> 1 entry buy 10 @ 100
    -> 1 stop_loss sell 10 @ 95

a bar that opens beyond the liquidation price is liquidated: leverage 10; notional 1000; stop 5
    L 100 101 99 100
    . 100 101 99 100
    . 85 86 84 85
    -> 1 entry buy 10 @ 100
    -> 2 liquidation sell 10 @ 90

liquidation follows the mark price, not the last: leverage 10; notional 1000
    L 100 101 99 100
    . 100 101 85 95 mark 100 101 94 95
    -> 1 entry buy 10 @ 100

under cross margin the whole wallet stands behind a long: capital 300; leverage 10; notional 1000; cross
    L 100 101 99 100
    . 100 101 85 95
    . 95 96 60 80
    -> 1 entry buy 10 @ 100
    -> 2 liquidation sell 10 @ 70

under cross margin the whole wallet stands behind a short: capital 300; leverage 10; notional 1000; cross
    S 100 101 99 100
    . 100 115 99 105
    . 105 135 104 105
    -> 1 entry sell 10 @ 100
    -> 2 liquidation buy 10 @ 130

a stop beyond the liquidation price refuses the entry: leverage 10; notional 1000; stop 12
    L 100 101 99 100
    . 100 101 99 100
"""


@pytest.mark.parametrize("case", read_cases(MIRROR + "\n" + AS_IS), ids=lambda case: case.name)
def test_fills_are(case: Case) -> None:
    assert fills_of(run_case(case, interpreted_engine())) == case.fills


@pytest.mark.parametrize("case", [mirrored(case) for case in read_cases(MIRROR)], ids=lambda case: case.name)
def test_the_other_side_fills_alike(case: Case) -> None:
    assert fills_of(run_case(case, interpreted_engine())) == case.fills


def test_the_table_is_as_long_as_promised() -> None:
    assert len(read_cases(MIRROR)) + len(read_cases(AS_IS)) >= 40


def test_the_worst_equity_inside_a_bar_counts_what_came_before_the_exit() -> None:
    table = """
a target after the low: quantity 10; stop 50; target 5% 100%
    L 100 101 99 100
    . 100 101 99 100
    . 100 106 60 100
"""
    run = run_case(read_cases(table)[0], interpreted_engine())
    assert fills_of(run)[-1] == "2 take_profit sell 10 @ 105 maker"
    assert run.tape.worst_equity_usdt[2] == 100_000 - 10 * 40


def test_the_worst_equity_of_a_stopped_bar_is_that_of_the_stop() -> None:
    table = """
a stop above the low: quantity 10; stop 5
    L 100 101 99 100
    . 100 101 99 100
    . 100 106 60 100
"""
    run = run_case(read_cases(table)[0], interpreted_engine())
    assert run.tape.worst_equity_usdt[2] == 100_000 - 10 * 5


FUNDED = """
a long carried into the open pays a positive rate: quantity 10
    L 100 101 99 100
    . 100 101 99 100
    . 100 101 99 100 fund 1%

an entry at the very open pays nothing: quantity 10
    L 100 101 99 100
    . 100 101 99 100 fund 1%

funding inside a bar is for what was held through it: quantity 10; minutes 720
    L 100 101 99 100
    . 100 101 99 100 fund 1% after 480

a short stopped out in the bar does not receive what came inside it: quantity 10; minutes 720; stop 5
    S 100 101 99 100
    . 100 106 99 100 fund 1% after 480

a long stopped out in the bar still pays what came inside it: quantity 10; minutes 720; stop 5
    L 100 101 99 100
    . 100 101 94 100 fund 1% after 480
"""


@pytest.mark.parametrize(
    ("case", "paid"),
    list(zip(read_cases(FUNDED), (-10.0, 0.0, -10.0, 0.0, -10.0), strict=True)),
    ids=lambda part: part.name if isinstance(part, Case) else str(part),
)
def test_funding_is(case: Case, paid: float) -> None:
    run = run_case(case, interpreted_engine())
    assert run.tape.payments.sum() == pytest.approx(paid)
