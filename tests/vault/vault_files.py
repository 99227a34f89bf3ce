"""A vault that opens in a millisecond, and what stands in it."""

from pathlib import Path

from runner.domain.secret import Secret
from runner.vault.change import add, create, key_text
from runner.vault.unlock import lock_with_passphrase, with_passphrase
from runner.vault.vault import Access, Vault, key_place, url_place

PASSPHRASE = "correct horse battery"
CHEAP = (64, 1, 1)  # 64 KiB, one pass: what a test can afford a thousand times
NOW_MS = 1_700_000_000_000
URL = "slack://token-a/token-b/token-c"


def ignore(text: str) -> None:
    """Whoever is told of secrets."""


def access(path: Path, passphrase: str = PASSPHRASE) -> Access:
    return Access(path, with_passphrase(Secret(passphrase)), ignore)


def empty_vault(folder: Path) -> Access:
    path = folder / "keys" / "vault.json"
    create(path, lock_with_passphrase(Secret(PASSPHRASE), CHEAP), ignore)
    return access(path)


def pair(word: str) -> Secret:
    return key_text(Secret(f"api-key-{word}"), Secret(f"secret-{word}"))


def full_vault(folder: Path) -> Access:
    """Two keys of one name in two modes, and an address."""
    made = empty_vault(folder)
    add(made, key_place("demo", "main"), pair("demo"), account="first", now_ms=NOW_MS)
    add(made, key_place("real", "main"), pair("real"), account="first", now_ms=NOW_MS + 1)
    add(made, url_place("slack"), Secret(URL), now_ms=NOW_MS + 2)
    return made


def revealed(vault: Vault) -> dict[str, str]:
    """Everything that is in a vault, in clear."""
    return {
        f"{entry.mode}/{entry.name}/{entry.version}/{entry.state}": vault.text_of(entry).reveal()
        for entry in vault.entries()
    }
