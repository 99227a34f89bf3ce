"""Scripts drawn by a seed: so many faults of all kinds, spread over a span of time.

In: how many, a seed, a span, a symbol. Out: a script as text: what failed can be read, replayed, cut.
Refuses to know: how faults are carried out.
"""

import random

# Templates by weight; {symbol} is filled in. What no bot can live through (a key that is gone) is left out.
_DRAWN = [
    (4, "net.drop_before(POST *)"),
    (6, "net.drop_after(POST *)"),
    (3, "net.drop_after(DELETE *)"),
    (3, "net.drop_before(GET *)"),
    (3, "net.hang(POST order)"),
    (2, "net.delay(signed, 3s)"),
    (2, "net.late(POST order, 2s)"),
    (2, "net.dup(POST *)"),
    (2, "net.truncate(POST order)"),
    (1, "net.half_json(POST order)"),
    (1, "net.empty(POST order)"),
    (1, "net.blank(POST algoOrder)"),
    (1, "net.html(POST order)"),
    (2, "net.outage for 5m"),
    (1, "net.private_down for 5m"),
    (1, "net.public_down for 5m"),
    (3, "http.unknown(POST order)"),
    (2, "http.unavailable(POST *)"),
    (2, "http.internal(POST *)"),
    (3, "http.overload(POST order) x3"),
    (3, "http.timeout(POST order)"),
    (2, "http.unexpected(POST algoOrder)"),
    (2, "http.gateway(POST *)"),
    (2, "http.busy(GET *, 10s)"),
    (2, "clk.skew(3s) for 10m"),
    (2, "clk.skew(-7s) for 10m"),
    (3, "ws.kill(all, 1006)"),
    (2, "ws.silent(private) for 30m"),
    (2, "ws.drop(ORDER_TRADE_UPDATE)"),
    (2, "ws.drop(ALGO_UPDATE)"),
    (2, "ws.dup(ORDER_TRADE_UPDATE)"),
    (2, "ws.reorder(ACCOUNT_UPDATE)"),
    (1, "ws.lag(5s) for 10m"),
    (1, "ws.expire_key"),
    (3, "ex.read_lag(5s) for 10m"),
    (2, "ex.trigger_reject"),
    (1, "ex.trigger_hang"),
    (2, "ex.partial(40%) for 1h"),
    (2, "ex.reject(POST algoOrder, -2021) x1"),
    (1, "ex.manual_close({symbol})"),
    (1, "ex.manual_cancel({symbol}, stops)"),
    (1, "ex.adl({symbol}, 50%)"),
    (1, "feed.drop_close"),
    (1, "feed.dup"),
    (1, "feed.freeze for 20m"),
    (1, "feed.wick({symbol}, 2%)"),
    (1, "feed.jump({symbol}, -1%)"),
]


def drawn_script(count: int, *, seed: int, span_ms: int, symbol: str) -> str:
    """So many lines, in the order of their times; the same for the same seed."""
    chance = random.Random(f"{seed}/{count}")
    weights = [weight for weight, _ in _DRAWN]
    lines = []
    for text in chance.choices([text for _, text in _DRAWN], weights, k=count):
        at_s = chance.randrange(max(1, span_ms // 1000))
        name, separator, rest = text.format(symbol=symbol).partition(" for ")
        lines.append((at_s, f"{name} at +{at_s}s{separator}{rest}"))
    return "\n".join(text for _, text in sorted(lines))
