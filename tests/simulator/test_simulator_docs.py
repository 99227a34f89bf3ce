"""docs/simulator.md has a row for every route, stream, event, fault and admin call that the code has."""

import re
from pathlib import Path

from runner.simulator.admin import HELP
from runner.simulator.fault_names import ELSEWHERE, FAULTS
from runner.simulator.rest import ROUTES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")


def test_every_route_stands_in_the_table_and_no_other() -> None:
    rows = re.findall(
        r"^\| `(GET|POST|PUT|DELETE) /fapi/([v\d/]+)/([\w/]+)` \|([^|]+)\|([^|]+)\|([^|]+)\|$", PAGE, re.M
    )
    told = {
        (method, path): tuple(int(one[1:]) for one in versions.split("/"))
        for method, versions, path, *_ in rows
    }
    assert told == {name: route.versions for name, route in ROUTES.items()}
    assert all(faithful.strip() for *_, faithful, _, _ in rows)


def test_every_fault_stands_in_the_table_as_the_code_has_it() -> None:
    for name, row in FAULTS.items():
        usage = row.usage.replace("|", " \\| ")
        assert f"| `{usage}` | {row.bites} | {row.does} | {row.catalogue} |" in PAGE, name
    for number, belongs in ELSEWHERE.items():
        assert f"| {number} | {belongs} |" in PAGE


def test_every_admin_call_and_user_event_is_told() -> None:
    for call, does in HELP.items():
        assert f"| `{call}` | {does} |" in PAGE
    for event in (
        "ORDER_TRADE_UPDATE",
        "TRADE_LITE",
        "ALGO_UPDATE",
        "ACCOUNT_UPDATE",
        "ACCOUNT_CONFIG_UPDATE",
        "MARGIN_CALL",
        "listenKeyExpired",
    ):
        assert f"| `{event}` |" in PAGE
