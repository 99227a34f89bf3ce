"""The deviation ledger as lines of text, and as a JSON tree.

In: a Bridge. Out: lines, a tree. Refuses to know: terminals, whose ledger it is.
"""

from typing import Any

from runner.report.deviation import Bridge

VERSION = 1


_SAYS = {
    "missed": "trades that only one of the two made",
    "partial fill": "entries filled in part",
    "late bar": "market orders long after their open",
    "slippage": "prices against their references",
    "path": "levels and exits that came otherwise",
    "sizing": "positions sized from other equity",
    "rounding": "quantities in whole steps",
    "fees": "what the exchange charges",
    "funding": "settlements between longs and shorts",
    "operator": "hands and the exchange",
}


def ledger_lines(bridge: Bridge, expected: str, actual: str) -> list[str]:
    """From one result to the other; items of nothing are left out."""
    lines = [f"{bridge.expected_usdt:+13,.2f}  USDT, {expected}"]
    for item in bridge.items:
        if abs(item.usdt) < 0.005 and not item.times:
            continue
        count = f" ({item.times:,})" if item.times else ""
        lines.append(f"{_shown(item.usdt):+13,.2f}  {item.name}: {_SAYS[item.name]}{count}")
    lines.append(f"{_shown(bridge.residual_usdt):+13,.2f}  residual: what no item explains")
    lines.append(f"{bridge.actual_usdt:+13,.2f}  USDT, {actual}")
    return lines


def _shown(usdt: float) -> float:
    """No minus before a nothing."""
    return round(usdt, 2) + 0.0


def ledger_tree(bridge: Bridge) -> dict[str, Any]:
    """Figures to eight digits."""
    return {
        "version": VERSION,
        "expected_usdt": round(bridge.expected_usdt, 8),
        "items": [
            {"name": item.name, "usdt": round(item.usdt, 8), "count": item.times} for item in bridge.items
        ],
        "residual_usdt": round(bridge.residual_usdt, 8),
        "actual_usdt": round(bridge.actual_usdt, 8),
        "trades": {
            "paired": len(bridge.pairing.pairs),
            "missed": len(bridge.pairing.missed),
            "others": len(bridge.pairing.others),
        },
    }
