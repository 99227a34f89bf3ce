"""The journals that commands read, and the one that they write to.

In: settings, a run's or version's name. Out: an open journal; UsageError for what none of them has.
Refuses to know: what is in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.journal.rows import BotVersion, Run
    from runner.journal.write import Journal

NOTHING_YET = "nothing is recorded yet: runner run BOT --backtest --record records a run"


@contextmanager
def writable() -> "Iterator[Journal]":
    """The journal that RUNNER_DB names, else the one in RUNNER_HOME; made when there is none."""
    from runner.cli.settings import settings_now
    from runner.journal.write import open_journal

    with open_journal(settings_now().text("db")) as journal:
        yield journal


@contextmanager
def known() -> "Iterator[list[Journal]]":
    """Every journal there is: the one that RUNNER_DB names alone, else all in RUNNER_HOME."""
    from runner.journal.write import open_journal

    journals: list[Journal] = []
    try:
        journals.extend(open_journal(url) for url in journal_urls())
        yield journals
    finally:
        for journal in journals:
            journal.close()


def journal_urls() -> list[str]:
    """Where journals are now; a bot that starts makes another."""
    from runner.cli.settings import settings_now
    from runner.data.home import runner_home
    from runner.journal.location import default_url, existing_urls

    configured, home = settings_now().text("db"), runner_home()
    return existing_urls(home, None if configured == default_url(home) else configured)


def run_named(journals: "list[Journal]", name: str) -> "tuple[Journal, Run]":
    """The one run whose name is or begins so, in whichever journal; `last` is the newest of all."""
    from runner.journal.read import LAST

    if name == LAST:
        newest = [(journal, run) for journal in journals for run in journal.read.runs(limit=1)]
        if newest:
            return max(newest, key=lambda found: found[1].started_ms)
        raise UsageError(NOTHING_YET)
    found = [(journal, run) for journal in journals for run in journal.read.runs_named(name)]
    exact = [pair for pair in found if pair[1].run == name]
    found = exact or found
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{name} begins the names of {len(found)} runs: write more of it")
    raise UsageError(f"there is no run {name}; `runner runs` lists them" if journals else NOTHING_YET)


def version_named(
    journals: "list[Journal]", prefix: str, bot: str | None = None
) -> "tuple[Journal, BotVersion]":
    """The one version whose text hash or bot hash begins so; of several texts of one bot hash the newest."""
    if len(prefix) < 4:
        raise UsageError(f"{prefix}: write at least four digits of a hash")
    found = [
        (journal, version)
        for journal in journals
        for version in journal.read.find_versions(prefix)
        if bot is None or version.bot == bot
    ]
    told = {version.bot_hash or version.text_hash for _, version in found}
    if len(told) > 1:
        raise UsageError(f"{prefix} begins the hashes of {len(told)} versions: write more of it")
    if found:
        return max(found, key=lambda pair: pair[1].last_ms)
    if not journals:
        raise UsageError(NOTHING_YET)
    for journal in journals:
        _refuse_overridden(journal, prefix)
    whose = f" of {bot}" if bot else ""
    raise UsageError(
        f"no recorded version{whose} has a hash that begins with {prefix}; try `runner versions`"
    )


def _refuse_overridden(journal: "Journal", prefix: str) -> None:
    """A run with parameters set from outside has a bot hash that no text has by itself."""
    for run in journal.read.runs():
        if run.bot_hash.startswith(prefix):
            raise UsageError(
                f"{prefix} is the run {run.run}, whose parameters were set with --set; "
                f"its text is {run.text_hash[:12]}"
            )
