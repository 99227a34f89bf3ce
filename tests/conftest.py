"""What holds for all tests: they see no user's own store or instrument rules."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """RUNNER_HOME points to nothing; a test that needs a store makes its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNNER_HOME", str(tmp_path_factory.mktemp("home") / "runner"))
        yield
