"""Where journals lie when nobody says otherwise.

In: RUNNER_HOME, and the setting RUNNER_DB if there is one. Out: database URLs.
Refuses to know: what is in them, environments, SQLAlchemy (a command that finds no journal need not load it).
"""

from pathlib import Path

NAME = "journal.db"
SQLITE = "sqlite:///"


def default_url(home: Path) -> str:
    """SQLite in RUNNER_HOME."""
    return f"{SQLITE}{(home / NAME).absolute()}"


def realm_url(home: Path, realm: str) -> str:
    """A database of its own for orders that reach an exchange: one file for one account."""
    return f"{SQLITE}{(home / f'journal-{realm}.db').absolute()}"


def existing_urls(home: Path, configured: str | None) -> list[str]:
    """Where to look for a run: the configured database alone, else every journal in RUNNER_HOME."""
    if configured is None:
        paths = [home / NAME, *sorted(home.glob("journal-*.db"))]
        return [f"{SQLITE}{path.absolute()}" for path in paths if path.is_file()]
    if configured.startswith(SQLITE) and not Path(configured.removeprefix(SQLITE)).is_file():
        return []
    return [configured]
