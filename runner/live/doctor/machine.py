"""This machine: room on the disk, a journal that is whole, hosts that are the profile's.

In: a folder, a journal, a client. Out: findings.
Refuses to know: bots, accounts.
"""

import shutil
from pathlib import Path

from runner.errors import ExchangeHostRefused
from runner.exchange.client import FuturesClient
from runner.exchange.profiles import check_url
from runner.journal.check import check
from runner.journal.write import Journal
from runner.live.doctor.finding import Finding, failed, fine

FREE_BYTES_MIN = 500_000_000  # months of one bot's journal


def about_disk(folder: Path) -> Finding:
    """Room for the journal."""
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:,.1f} GB free at {folder}"
    return fine("disk", text) if free >= FREE_BYTES_MIN else failed("disk", text, "make room")


def about_journal(journal: Journal) -> Finding:
    """Whether its chain is sound; that it can be written is shown by writing this check into it."""
    seen = check(journal.database)
    if seen.faults:
        return failed(
            "journal",
            f"{journal.database.place} is not what was written: {seen.faults[0]}",
            "keep the file, restore a backup or set RUNNER_DB to another; `runner verify` tells more",
        )
    return fine("journal", f"{journal.database.place}: {seen.entries:,} entries in an unbroken chain")


def about_hosts(client: FuturesClient) -> Finding:
    """Every address of the client lies within its profile."""
    try:
        for url in _urls(client.urls["api"]):
            check_url(client.profile, url)
    except ExchangeHostRefused as stray:
        return failed("hosts", str(stray), "this is a fault of runner; do not trade with this build")
    return fine("hosts", f"requests may reach {', '.join(sorted(client.profile.hosts))} only")


def _urls(table: object) -> list[str]:
    if isinstance(table, dict):
        return [url for part in table.values() for url in _urls(part)]
    return [str(table)]
