"""Journals on both databases: a test that asks for `url` runs on each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.journal.write import Journal, open_journal


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    made: str = request.getfixturevalue("postgres").make_database()
    return made


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    """An open, empty journal."""
    with open_journal(url) as opened:
        yield opened
