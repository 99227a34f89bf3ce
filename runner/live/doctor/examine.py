"""The whole examination of one bot on one account.

In: a connection, a way to compile the bot with the exchange's rules, what it would reckon with. Out:
findings, told one by one as they are known.
Refuses to know: terminals, journals, leases: those are looked at before.
"""

from collections.abc import Callable
from dataclasses import dataclass

from runner.compiler.build import Compiled
from runner.errors import ExchangeFailed
from runner.exchange.weight import WEIGHT_MAX
from runner.live.connection import Connection
from runner.live.doctor.account import about_account, about_entries, about_rules, about_weight
from runner.live.doctor.finding import Finding, failed, fine
from runner.live.doctor.machine import about_hosts
from runner.live.doctor.probes import READ_MS, try_history, try_setup, try_stop, try_stream
from runner.live.survey import Survey, insist, look_around


@dataclass(frozen=True, slots=True)
class Patient:
    """`capital_usdt` None: the account's wallet. `probe_id` names the far stop."""

    symbol: str
    compiled: Callable[[Survey], Compiled]
    capital_usdt: float | None
    probe_id: str


async def examine(patient: Patient, connection: Connection, tell: Callable[[Finding], None]) -> Survey | None:
    """Everything; None: the exchange could not even be looked at."""
    tell(about_hosts(connection.client))
    try:
        seen = await look_around(connection.ports, connection.setup, patient.symbol, connection.clock)
        tell(fine("exchange", f"{connection.client.profile.rest_url} takes the key and answers"))
        await _examine(patient, connection, seen, tell)
    except ExchangeFailed as fault:
        tell(failed("exchange", str(fault), "see to it, then run this again"))
        return None
    return seen


async def _examine(
    patient: Patient, connection: Connection, seen: Survey, tell: Callable[[Finding], None]
) -> None:
    compiled = patient.compiled(seen)
    info, _ = await insist(connection.clock, lambda: connection.setup.rules(patient.symbol), READ_MS)
    for finding in (*about_account(seen), *about_rules(seen, compiled, info)):
        tell(finding)
    tell(await try_setup(connection, seen, compiled))
    history, last = await try_history(connection, compiled)
    tell(history)
    wallet_usdt = float(seen.snapshot.account.wallet_usdt)
    for finding in about_entries(compiled, patient.capital_usdt or wallet_usdt, last):
        tell(finding)
    if patient.capital_usdt is not None and patient.capital_usdt > wallet_usdt:
        text = f"the account holds {wallet_usdt:,.2f} USDT, not {patient.capital_usdt:,.2f}"
        tell(failed("wallet", text, "move USDT into its futures wallet, or say less with --capital"))
    tell(await try_stop(connection, seen, patient.symbol, patient.probe_id))
    tell(await try_stream(connection, patient.symbol))
    tell(about_weight(connection.client.budget.used, WEIGHT_MAX))
