"""The report.v1 document: its schema, its bytes, its sentences."""

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from report_runs import random_results
from report_tables import GAPS, make_facts, make_result, parse_fills, parse_payments

from runner.domain.result import Result
from runner.report.document import build_report, render_json
from runner.report.schema import render_schema, report_schema

COMMITTED = Path(__file__).parents[2] / "schemas" / "report.v1.json"

FILLS = """
    bar side quantity price after fee slip reason      risk
      1 buy         2   100     2 0.1 0.04 entry         10
      4 sell        1   110     1 0.1 0    take_profit   10
      6 sell        3   104    -2 0.2 0.06 reverse       12
     20 buy         2   100     0 0.2 0    end_of_data    0
"""
CLOSES = [100.0 + bar / 10 for bar in range(30)]


def run(**changes: Any) -> Result:
    return make_result(parse_fills(FILLS), parse_payments("bar usdt missing\n8 0.5 yes"), CLOSES, **changes)


def document(result: Result, generated_at_ms: int = 0) -> dict[str, Any]:
    loaded = json.loads(render_json(build_report(result, mode="backtest", generated_at_ms=generated_at_ms)))
    assert isinstance(loaded, dict)
    return loaded


def objects(schema: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every schema inside this one, with its path."""
    found = [(path, schema)]
    for key, part in schema.get("properties", {}).items():
        found += objects(part, f"{path}/{key}")
    if "items" in schema:
        found += objects(schema["items"], f"{path}[]")
    return found


def test_the_committed_schema_is_the_one_the_types_make() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == render_schema()


def test_the_schema_is_valid_draft_07() -> None:
    jsonschema.Draft7Validator.check_schema(report_schema())


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    for path, schema in objects(report_schema()):
        assert path.endswith("[]") or schema.get("description"), path
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, path
            assert schema["required"] == list(schema["properties"]), path


def test_the_document_has_exactly_the_keys_of_the_issue_and_their_trade_fields() -> None:
    report = document(run())
    asked = ["bot", "bot_hash", "mode", "data", "metrics", "bounds", "trades", "exits", "monthly"]
    assert set(asked) <= set(report)
    told = [
        "symbol",
        "timeframe",
        "from",
        "to",
        "bars",
        "gaps",
        "synthetic",
        "funding_missing",
        "mark_missing",
    ]
    assert set(told) <= set(report["data"])
    fields = (
        "entry_time_ms exit_time_ms side quantity entry_price exit_price pnl_usdt fees_usdt funding_usdt "
        "exit_reason r_multiple"
    )
    assert set(fields.split()) <= set(report["trades"][0])


@settings(max_examples=100, deadline=None)
@given(random_results())
def test_every_report_validates(result: Result) -> None:
    jsonschema.Draft7Validator(report_schema()).validate(document(result))


def test_a_report_with_everything_in_it_validates() -> None:
    facts = make_facts(
        gaps=GAPS, synthetic=True, moved_start=True, detail_timeframe="1m", notes=("from the store",)
    )
    result = run(
        facts=facts,
        refusals={"cooldown": 3},
        halted="maximum drawdown",
        notes=["from the run"],
        favourable_net_pnl_usdt=math.nan,
        ambiguous_bars=4,
    )
    report = document(result)
    jsonschema.Draft7Validator(report_schema()).validate(report)
    assert report["data"]["gaps"][0] == {"from": "2024-01-01T05:00:00Z", "from_ms": 1704085200000, "bars": 2}
    assert report["refusals"] == [{"reason": "cooldown", "signals": 3}]
    assert report["notes"] == ["from the store", "from the run"]
    assert report["halted"] == "maximum drawdown"


def test_the_range_is_that_of_the_counted_bars() -> None:
    data = document(run())["data"]
    assert (data["from"], data["to"], data["bars"]) == ("2024-01-01T00:00:00Z", "2024-01-02T06:00:00Z", 30)
    assert data["to_ms"] - data["from_ms"] == 30 * 3_600_000


def test_payments_without_a_mark_price_are_counted() -> None:
    """A settlement of a flat account pays nothing and is not counted."""
    payments = parse_payments("bar usdt missing\n8 0.5 yes\n16 -0.2\n24 0 yes")
    data = document(make_result(parse_fills(FILLS), payments, CLOSES))["data"]
    assert (data["payments"], data["payments_without_mark"]) == (2, 1)


def test_trades_are_told_in_full() -> None:
    trades = document(run())["trades"]
    assert [trade["side"] for trade in trades] == ["long", "short"]
    first, second = trades
    assert (first["exit_reason"], first["quantity"], first["exit_price"]) == ("reverse", 2.0, 107.0)
    assert first["pnl_usdt"] == pytest.approx(14.0 - 0.1 - 0.1 - 0.2 / 3)
    assert second["funding_usdt"] == 0.5
    assert second["r_multiple"] == pytest.approx(second["pnl_usdt"] / 12.0)


def test_exits_by_reason_count_the_parts_of_a_ladder_apart() -> None:
    rows = {row["reason"]: row for row in document(run())["exits"]}
    assert {reason: (row["trades"], row["fills"]) for reason, row in rows.items()} == {
        "reverse": (1, 1),
        "end_of_data": (1, 1),
        "take_profit": (0, 1),
    }
    assert rows["take_profit"]["win_rate"] is None


def test_equal_runs_make_equal_bytes_but_for_the_time_of_making() -> None:
    first = render_json(build_report(run(), mode="backtest", generated_at_ms=1))
    second = render_json(build_report(run(), mode="backtest", generated_at_ms=2))
    assert first != second
    assert first.replace('"generated_at_ms": 1,', "") == second.replace('"generated_at_ms": 2,', "")


def test_floats_come_back_to_the_last_bit() -> None:
    built = build_report(run(), mode="backtest", generated_at_ms=0)
    report = json.loads(render_json(built))
    assert [trade["pnl_usdt"] for trade in report["trades"]] == [trade.pnl_usdt for trade in built.trades]
    assert report["metrics"]["sharpe"] == built.metrics.sharpe


@settings(max_examples=50, deadline=None)
@given(random_results())
def test_no_infinity_and_no_negative_zero_is_ever_written(result: Result) -> None:
    text = render_json(build_report(result, mode="backtest", generated_at_ms=0))
    assert not any(word in text for word in ("NaN", "Infinity", "-0.0,", "-0.0}"))


@pytest.mark.parametrize(
    ("favourable", "shown", "note"),
    [
        (50.0, 50.0, None),
        (math.nan, None, "the favourable path was not run"),
        (-50.0, -50.0, "the favourable path ended lower"),
    ],
)
def test_bounds_say_why_the_favourable_figure_is_no_bound(
    favourable: float, shown: float | None, note: str | None
) -> None:
    bounds = document(run(favourable_net_pnl_usdt=favourable, ambiguous_bars=7))["bounds"]
    assert (bounds["favourable_net_pnl_usdt"], bounds["ambiguous_bars"]) == (shown, 7)
    assert bounds["note"] is None if note is None else bounds["note"].startswith(note)


def test_few_trades_and_synthetic_data_are_warned_of() -> None:
    warnings = document(run(facts=make_facts(synthetic=True)))["warnings"]
    assert warnings == [
        "SYNTHETIC DATA: the figures say nothing about a real market",
        "only 2 trades: under 100 the figures are mostly chance",
    ]


def test_a_profit_that_rests_on_three_trades_is_warned_of() -> None:
    lines = ["bar side quantity price after"]
    for number, leave in enumerate([160, 140, 120, 99, 98]):
        lines += [f"{2 * number} buy 1 100 1", f"{2 * number + 1} sell 1 {leave} 0"]
    result = make_result(parse_fills("\n".join(lines)), [], [100.0] * 10)
    assert "without its three best trades the run made -3.00 USDT" in document(result)["warnings"]


def test_a_trade_closed_at_the_last_close_of_january_is_januarys() -> None:
    fills = parse_fills("bar side quantity price after\n0 buy 1 100 1", start="2024-01-31T22:00Z")
    close_ms = fills[0].time_ms + 2 * 3_600_000
    fills.append(
        fills[0]._replace(time_ms=close_ms, bar=1, side=-1, price=103.0, reason=12, position_after=0.0)
    )
    report = document(make_result(fills, [], [101.0, 103.0], start="2024-01-31T22:00Z"))
    assert report["trades"][0]["exit_time_ms"] == report["data"]["to_ms"] == close_ms
    assert report["monthly"] == [
        {"month": "2024-01", "net_pnl_usdt": 3.0, "net_pnl_ratio": 0.003, "trades": 1}
    ]


def test_a_trade_that_ends_in_the_last_bar_of_january_is_januarys_though_the_run_goes_on() -> None:
    fills = parse_fills(
        "bar side quantity price after\n0 buy 1 100 1\n1 sell 1 103 0", start="2024-01-31T22:00Z"
    )
    report = document(make_result(fills, [], [101.0, 103.0, 104.0], start="2024-01-31T22:00Z"))
    assert [(row["month"], row["trades"]) for row in report["monthly"]] == [("2024-01", 1), ("2024-02", 0)]
