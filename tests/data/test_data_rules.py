"""Instrument rules: from the exchange's replies into the store, and out again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from data_files import candles, put, tree_digest
from replies import AS_OF_MS, LADDERS, contract, exchange_info, ladder, saved

from runner.bot.read import read_bot
from runner.cli.data import group
from runner.data.instruments import instrument_for
from runner.data.rules import StoredRules, list_rules, read_rules, rules_bytes
from runner.data.rules_file import import_rules
from runner.data.shipped import shipped_rules
from runner.data.store import writer_lock
from runner.domain.instrument import BRACKETS_MAX, Bracket, Instrument
from runner.errors import DataConflict, DataDamaged, StoreBusy
from runner.modes import compile_bot

BTC = "BTC/USDT:USDT"
IMPORTED = Instrument(0.1, 0.001, 0.002, 1000.0, 120.0, 50.0, 0.0125)
BRACKETS = (
    Bracket(50_000.0, 0.004, 0.0, 125.0),
    Bracket(600_000.0, 0.005, 50.0, 100.0),
    Bracket(3_000_000.0, 0.0065, 950.0, 75.0),
)
DAY_MS = 86_400_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "candles"


def take(root: Path, tree: Any, symbol: str | None = None, *, is_replacing: bool = False) -> tuple[int, ...]:
    """Import a reply; (new, same, replaced)."""
    path = saved(root.parents[1] / "reply.json", tree)
    return tuple(import_rules(root, path, symbol, is_replacing=is_replacing).written)


def test_both_replies_together_are_the_rules(root: Path) -> None:
    assert take(root, exchange_info(contract("BTCUSDT"), contract("SOLUSDT"))) == (2, 0, 0)
    assert take(root, [ladder("BTCUSDT"), ladder("SOLUSDT")]) == (2, 0, 0)
    rules = instrument_for(BTC, root)
    assert rules == (IMPORTED, BRACKETS, "as imported, 2024-10-27 03:33 UTC (brackets undated)")
    assert instrument_for("BTCUSDT", root) == rules
    assert instrument_for("ETHUSDT", root) == shipped_rules("ETHUSDT")


def test_a_missing_half_comes_from_the_shipped_defaults_and_is_named(root: Path) -> None:
    shipped = shipped_rules(BTC)
    take(root, exchange_info(contract("BTCUSDT"), server_time=None))
    assert instrument_for(BTC, root) == (
        IMPORTED,
        shipped.brackets,
        "tick, step, minimums and liquidation fee as imported, undated; "
        "brackets: shipped defaults (BTCUSDT as recorded in October 2024)",
    )
    take(root, ladder("SOLUSDT"))  # one symbol's reply is an object
    _, brackets, source = instrument_for("SOLUSDT", root)
    assert [bracket.leverage_max for bracket in brackets] == [100, 75, 50]
    assert source.startswith("brackets as imported, undated; all else: shipped defaults (SOLUSDT")


def test_two_undated_halves_are_said_once(root: Path) -> None:
    take(root, exchange_info(contract("BTCUSDT"), server_time=None))
    take(root, ladder("BTCUSDT"))
    assert instrument_for(BTC, root).source == "as imported, undated"


def test_a_bot_is_compiled_with_the_stored_rules(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(root, exchange_info(contract("BTCUSDT")))
    take(root, ladder("BTCUSDT"))
    monkeypatch.setenv("RUNNER_HOME", str(root.parent))
    document, problems, source = read_bot(Path(__file__).parents[2] / "bots" / "btc_trend.yaml")
    assert document is not None, problems
    compiled, problems = compile_bot(document, source)
    assert compiled is not None, problems
    assert compiled.plan.instrument == IMPORTED
    assert compiled.plan.brackets[: len(BRACKETS)] == BRACKETS


def test_what_is_no_perpetual_in_usdt_or_usdc_is_passed_over(root: Path) -> None:
    others = [
        contract("BTCUSDT_261225", contractType="CURRENT_QUARTER"),
        contract("ETHBTC", quoteAsset="BTC", marginAsset="BTC"),
        contract("龙虾USDT"),
        contract("NEWUSDT", contractType="", filters=[]),  # listed, not trading yet
    ]
    gold = contract("XAUUSDT", contractType="TRADIFI_PERPETUAL")
    usdc = contract("BTCUSDC", quoteAsset="USDC", marginAsset="USDC")
    assert take(root, exchange_info(gold, usdc, *others)) == (2, 0, 0)
    assert [rules.market_id for rules in list_rules(root)] == ["BTCUSDC", "XAUUSDT"]


def test_one_symbol_can_be_taken_out_of_a_reply(root: Path) -> None:
    tree = exchange_info(contract("BTCUSDT"), contract("SOLUSDT"))
    assert take(root, tree, "SOL/USDT:USDT") == (1, 0, 0)
    assert [rules.market_id for rules in list_rules(root)] == ["SOLUSDT"]
    with pytest.raises(DataDamaged, match="ETH/USDT:USDT is not in it; nothing of this file was taken"):
        take(root, tree, "ETH/USDT:USDT")


def test_rules_change_and_the_later_reply_counts(root: Path) -> None:
    take(root, exchange_info(contract("BTCUSDT")))
    later = exchange_info(contract("BTCUSDT", liquidationFee="0.0150"), server_time=AS_OF_MS + DAY_MS)
    assert take(root, later) == (0, 0, 1)
    earlier = exchange_info(contract("BTCUSDT"))
    with pytest.raises(DataConflict, match="stored as of 2024-10-28 03:33 UTC, this file is of 2024-10-27"):
        take(root, earlier)
    assert instrument_for(BTC, root).instrument.liquidation_fee_ratio == 0.015
    assert take(root, earlier, is_replacing=True) == (0, 0, 1)
    assert instrument_for(BTC, root).instrument == IMPORTED


def test_the_same_figures_of_a_later_time_move_the_time_and_of_an_earlier_one_do_not(root: Path) -> None:
    for days, stored_days in ((1, 1), (0, 1), (2, 2)):
        take(root, exchange_info(contract("BTCUSDT"), server_time=AS_OF_MS + days * DAY_MS))
        rules = read_rules(root, BTC)
        assert rules is not None
        assert rules.instrument_as_of_ms == AS_OF_MS + stored_days * DAY_MS


def test_the_same_reply_twice_leaves_the_store_byte_for_byte(root: Path) -> None:
    for tree in (exchange_info(contract("BTCUSDT")), ladder("BTCUSDT")):
        take(root, tree)
        before = tree_digest(root)
        assert take(root, tree) == (0, 1, 0)
        assert tree_digest(root) == before


def without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda record: record.pop(key) and None


def without_filter(kind: str) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        record["filters"] = [one for one in record["filters"] if one["filterType"] != kind]

    return change


def with_filter(kind: str, key: str, text: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        next(one for one in record["filters"] if one["filterType"] == kind)[key] = text

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_filter("PRICE_FILTER"), "SOLUSDT: no filter PRICE_FILTER"),
        (without_filter("LOT_SIZE"), "SOLUSDT: no filter LOT_SIZE"),
        (without_filter("MARKET_LOT_SIZE"), "SOLUSDT: no filter MARKET_LOT_SIZE"),
        (without_filter("MIN_NOTIONAL"), "SOLUSDT: no filter MIN_NOTIONAL"),
        (without("liquidationFee"), "SOLUSDT: no liquidationFee"),
        (without("filters"), "SOLUSDT: filters: not a list of records"),
        (with_filter("PRICE_FILTER", "tickSize", "0"), "SOLUSDT: tick_size is 0"),
        (
            with_filter("PRICE_FILTER", "tickSize", "ten"),
            "SOLUSDT: PRICE_FILTER: tickSize 'ten' is no number",
        ),
        (with_filter("PRICE_FILTER", "tickSize", True), "SOLUSDT: PRICE_FILTER: tickSize is no number"),
        (with_filter("LOT_SIZE", "stepSize", "-1"), "SOLUSDT: step_size -1.0 is not a number ≥ 0"),
        (with_filter("LOT_SIZE", "stepSize", "NaN"), "SOLUSDT: step_size nan is not a number ≥ 0"),
        (with_filter("LOT_SIZE", "maxQty", 10**400), "SOLUSDT: LOT_SIZE: maxQty '1000"),
        (with_filter("LOT_SIZE", "minQty", "121"), "SOLUSDT: the least quantity 121 is above the greatest"),
        (lambda record: record.update(liquidationFee="1.25"), "SOLUSDT: liquidation fee 1.25 is not a ratio"),
        (lambda record: record.update(symbol="BTCUSDT"), "BTCUSDT is in it twice"),
    ],
)
def test_a_faulty_exchange_info_is_refused_whole(
    root: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    faulty = contract("SOLUSDT")
    change(faulty)
    with pytest.raises(DataDamaged) as caught:
        take(root, exchange_info(contract("BTCUSDT"), faulty))
    assert str(caught.value).startswith(f"{root.parents[1] / 'reply.json'}: {told}")
    assert str(caught.value).endswith("; nothing of this file was taken")
    assert list_rules(root) == []


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            "100 50000 0.005 0\n75 400000 0.0065 75.02",
            "bracket 2: cum 75.02 does not follow from the bracket befo",
        ),
        ("100 50000 0.005 0\n75 50000 0.0065 75", "bracket 2: cap 50000 is not above the one before, 50000"),
        ("100 50000 0.005 0\n75 40000 0.0065 75", "bracket 2: cap 40000 is not above the one before, 50000"),
        (
            "100 50000 0.005 0\n75 400000 0.005 0",
            "bracket 2: maintenance ratio 0.005 is not above the one bef",
        ),
        ("50 50000 0.005 0\n75 400000 0.0065 75", "bracket 2: leverage 75 is above the one before, 50"),
        ("100 50000 0.005 1", "bracket 1: cum 1 should be 0"),
        ("100 0 0.005 0", "bracket 1: cap 0 is not positive"),
        ("100 50000 1.0 0", "bracket 1: maintenance ratio 1.0 is not in 0 … 1"),
        ("0.5 50000 0.1 0", "bracket 1: leverage 0.5 is below 1"),
        ("100 inf 0.1 0", "bracket 1: not all of its figures are numbers"),
    ],
)
def test_faulty_brackets_are_refused_whole(root: Path, lines: str, told: str) -> None:
    with pytest.raises(DataDamaged) as caught:
        take(root, [ladder("BTCUSDT"), ladder("SOLUSDT", lines)])
    assert f"reply.json: SOLUSDT: {told}" in str(caught.value)
    assert list_rules(root) == []


def test_deductions_are_compared_to_the_cent(root: Path) -> None:
    assert take(root, ladder("SOLUSDT", "100 50000 0.005 0\n75 400000 0.0065 75.009")) == (1, 0, 0)


def test_more_brackets_than_can_be_held_are_refused(root: Path) -> None:
    lines, cum = [], 0.0
    for at in range(BRACKETS_MAX + 1):
        cum += at * 1000 * 0.01 if at else 0.0
        lines.append(f"{100 - at} {(at + 1) * 1000} {(at + 1) / 100} {cum}")
    with pytest.raises(DataDamaged, match="SOLUSDT: 17 brackets; between 1 and 16 can be held"):
        take(root, ladder("SOLUSDT", "\n".join(lines)))
    assert take(root, ladder("SOLUSDT", "\n".join(lines[:BRACKETS_MAX]))) == (1, 0, 0)


def test_a_floor_that_is_not_the_cap_before_it_is_refused(root: Path) -> None:
    tree = ladder("SOLUSDT")
    tree["brackets"][1]["notionalFloor"] = 60_000
    with pytest.raises(DataDamaged, match="SOLUSDT: bracket 2: floor 60000 is not the cap before it, 50000"):
        take(root, tree)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ("{", "not a readable JSON file"),
        ("[" * 100_000, "not a readable JSON file"),
        ("3", "neither a reply of exchangeInfo nor one of leverageBracket"),
        ('{"timezone": "UTC"}', "neither a reply of exchangeInfo nor one of leverageBracket"),
        (
            {"code": -2014, "msg": "API-key format invalid."},
            "the exchange's reply is an error: -2014 API-key",
        ),
        ({"symbols": 3}, "exchangeInfo: not a list of records"),
        (exchange_info(), "its symbols have no contractType: not the exchangeInfo of USDⓈ-M futures"),
        (exchange_info(contract("ETHBTC", quoteAsset="BTC")), "no USDT or USDC perpetual is in it"),
        (exchange_info(contract("BTCUSDT"), server_time=1_730_000_000), "serverTime 1.73e+09 is no time"),
        ([{"symbol": "BTCUSDT", "brackets": [3]}], "BTCUSDT: brackets: not a list of records"),
        ([{"symbol": "BTCUSDT", "brackets": []}], "BTCUSDT: 0 brackets"),
        ([], "no USDT or USDC perpetual is in it"),
    ],
)
def test_what_is_no_reply_of_the_two_is_refused(root: Path, tree: Any, told: str) -> None:
    with pytest.raises(DataDamaged) as caught:
        take(root, tree)
    assert told in str(caught.value)
    assert list_rules(root) == []


def test_rules_are_written_by_the_one_writer(root: Path) -> None:
    with writer_lock(root), pytest.raises(StoreBusy, match="is writing to the candle store"):
        take(root, ladder("BTCUSDT"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tree: tree.update(schema=2), "written with schema 2, this runner reads schema 1"),
        (lambda tree: tree.update(symbol="ETH/USDT:USDT"), "damaged (it says it is of ETH/USDT:USDT)"),
        (
            lambda tree: tree["brackets"]["ladder"][1].update(deduction_usdt=9.0),
            "damaged (bracket 2: cum 9.00",
        ),
        (lambda tree: tree["brackets"]["ladder"][1].pop("leverage_max"), "damaged (no 'leverage_max')"),
        (lambda tree: tree["instrument"].update(tick_size="no"), "damaged (could not convert"),
        (lambda tree: tree.pop("instrument"), "damaged (no 'instrument')"),
    ],
)
def test_stored_rules_that_are_not_whole_are_damaged(
    root: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    stored = StoredRules("BTCUSDT", IMPORTED, AS_OF_MS, BRACKETS)
    path = stored.path(root)
    path.parent.mkdir(parents=True)
    path.write_bytes(rules_bytes(stored))
    assert read_rules(root, BTC) == stored
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))
    with pytest.raises(DataDamaged) as caught:
        instrument_for(BTC, root)
    assert str(caught.value).startswith(f"{path}: {told}")


def runner(*words: str) -> Result:
    return CliRunner().invoke(group, words)


@pytest.fixture
def at_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNNER_HOME", str(root.parent))
    monkeypatch.chdir(root.parents[1])
    saved(Path("exchangeInfo.json"), exchange_info(contract("BTCUSDT"), contract("ETHBTC", quoteAsset="BTC")))
    saved(Path("leverageBracket.json"), [ladder(symbol) for symbol in LADDERS])
    return root


def test_data_import_takes_both_replies(at_home: Path) -> None:
    result = runner("import", "exchangeInfo.json", "leverageBracket.json", "missing.json")
    assert result.exit_code == 2
    assert result.output.splitlines() == [
        "✓ exchangeInfo.json  tick, step and minimums of BTCUSDT (1 new)  2024-10-27 03:33 UTC",
        "    1 other contract is no USDT or USDC perpetual",
        "✓ leverageBracket.json  margin brackets of 2 symbols (2 new)  undated",
        "✗ refused  missing.json: there is no such file",
        f"2 of 3 files taken into {at_home}",
    ]
    tree = json.loads(runner("import", "exchangeInfo.json", "--json").output)["files"][0]
    assert (tree["kind"], tree["symbols"], tree["same"], tree["as_of_ms"]) == (
        "instrument",
        [BTC],
        1,
        AS_OF_MS,
    )


def test_data_list_shows_the_rules(at_home: Path) -> None:
    runner("import", "exchangeInfo.json", "leverageBracket.json")
    assert runner("list").output.splitlines()[1:] == [
        "instrument rules  tick, step, minimums  margin brackets",
        "BTCUSDT           2024-10-27 03:33 UTC  3, undated",
        "SOLUSDT           shipped defaults      3, undated",
    ]
    tree = json.loads(runner("list", "--json").output)
    btc, sol = tree["instruments"]
    assert btc["instrument"]["tick_size"] == 0.1
    assert (sol["symbol"], sol["instrument"], len(sol["brackets"])) == ("SOL/USDT:USDT", None, 3)


def test_data_list_shows_symbols_with_candles_and_a_few_others(at_home: Path) -> None:
    put(at_home, candles(96))
    many = [contract(f"A{at:02}USDT") for at in range(40)]
    runner("import", str(saved(Path("many.json"), exchange_info(*many, contract("BTCUSDT")))))
    lines = runner("list").output.splitlines()
    assert len(lines) == 1 + 2 + 1 + 12 + 1
    assert "BTCUSDT" in [line.split()[0] for line in lines[4:]]
    assert lines[-1] == "… and 29 more, all with --json"


def test_data_check_finds_damaged_rules(at_home: Path) -> None:
    runner("import", "exchangeInfo.json", "leverageBracket.json")
    assert runner("check").output.splitlines()[1:] == ["✓ instrument rules of 2 symbols"]
    path = at_home / "SOLUSDT" / "instrument.json"
    path.write_bytes(path.read_bytes()[:-100])
    result = runner("check")
    assert result.exit_code == 4
    assert result.output.splitlines()[1].startswith(f"✗ SOL/USDT:USDT instrument rules  {path}: damaged (")
    assert result.output.splitlines()[2:] == ["✓ instrument rules of 1 symbol"]
    assert runner("check", "BTCUSDT").exit_code == 0
    assert json.loads(runner("check", "SOLUSDT", "--json").output)["instruments"][0]["damage"]
