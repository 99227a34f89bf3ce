"""A backend for the package keyring that keeps its passwords in the file KEYRING_FILE names."""

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """For tests on machines without a desktop."""

    priority = 1  # type: ignore[assignment]

    def _kept(self) -> dict[str, str]:
        path = Path(os.environ["KEYRING_FILE"])
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _keep(self, kept: dict[str, str]) -> None:
        Path(os.environ["KEYRING_FILE"]).write_text(json.dumps(kept))

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keep(self._kept() | {f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError(username)
        self._keep(kept)
