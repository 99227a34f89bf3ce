"""What holds for all tests: they see no user's own store or instrument rules."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.postgres_server import Server, running_server


@pytest.fixture(autouse=True, scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """RUNNER_HOME points to nothing; a test that needs a store makes its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNNER_HOME", str(tmp_path_factory.mktemp("home") / "runner"))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL; skips, or fails where RUNNER_NEED_POSTGRES says that there has to be one."""
    with running_server() as server:
        yield server


# The same examples at every run of `make test`: a red run means a change. `make seeds` looks for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("exploring", derandomize=False)
settings.load_profile("exploring" if "RUNNER_EXAMPLES" in os.environ else "repeatable")
