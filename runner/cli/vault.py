"""How a command gets at the vault: which file, and what opens it. Secrets come from a terminal or stdin.

In: the settings, a terminal or stdin. Out: Access to the vault, typed or piped secrets.
Refuses to know: how anything is sealed.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.domain.secret import Secret
from runner.errors import KeyUnknown, UsageError

if TYPE_CHECKING:
    from runner.settings.load import Settings
    from runner.vault.unlock import Locker
    from runner.vault.vault import Access

PASSPHRASE_FILE = click.option(
    "--passphrase-file",
    metavar="FILE",
    help="Holds the vault's passphrase; mode 600.  [default: vault.passphrase_file, else it is asked for]",
)


def access_to(settings: "Settings") -> "Access":
    """The vault with what opens it: the file of the settings, else the keyring, else a question."""
    from runner.vault.unlock import read_passphrase_file, with_keyring, with_passphrase
    from runner.vault.vault import Access, lock_kind

    path = settings.path("vault.file")
    file = settings.path_or_none("vault.passphrase_file")
    kind = lock_kind(path)
    if kind is None:
        raise KeyUnknown(f"there is no vault at {path} yet; 'runner keys add --mode testnet' makes it")
    if kind == "keyring":
        opener = with_keyring()
    else:
        passphrase = read_passphrase_file(file) if file else ask("passphrase of the vault")
        hide(passphrase.reveal())
        opener = with_passphrase(passphrase)
    return Access(path, opener, hide)


def make_vault(settings: "Settings", *, in_keyring: bool) -> "Access":
    """A new, empty vault, opened by the system's keyring or by a passphrase: from the file, or asked for."""
    from runner.vault.change import create
    from runner.vault.unlock import lock_with_keyring, lock_with_passphrase, with_keyring, with_passphrase
    from runner.vault.vault import Access

    path = settings.path("vault.file")
    if in_keyring:
        create(path, lock_with_keyring(), hide)
        return Access(path, with_keyring(), hide)
    passphrase = _new_passphrase(settings.path_or_none("vault.passphrase_file"))
    create(path, lock_with_passphrase(passphrase), hide)
    return Access(path, with_passphrase(passphrase), hide)


def new_locker(file: Path | None, *, in_keyring: bool) -> "Locker":
    """A new lock: the keyring's, or a passphrase from a file, else asked for."""
    from runner.vault.unlock import lock_with_keyring, lock_with_passphrase

    return lock_with_keyring() if in_keyring else lock_with_passphrase(_new_passphrase(file))


def _new_passphrase(file: Path | None) -> Secret:
    from runner.vault.unlock import read_passphrase_file

    passphrase = read_passphrase_file(file) if file else ask("new passphrase of the vault", twice=True)
    hide(passphrase.reveal())
    return passphrase


def ask(what: str, *, twice: bool = False) -> Secret:
    """One secret from the terminal, not shown while it is typed."""
    if not _has_terminal():
        raise UsageError(
            f"there is no terminal to ask for the {what}; "
            "--passphrase-file FILE holds the passphrase, and --stdin takes a key"
        )
    return Secret(click.prompt(what, hide_input=True, confirmation_prompt=twice, err=True))


def ask_key() -> tuple[Secret, Secret]:
    """An API key and its secret."""
    return _clean("API key", ask("API key")), _clean("secret", ask("secret"))


def piped_key() -> tuple[Secret, Secret]:
    """The same from stdin: the API key in the first line, the secret in the rest (a private key has many)."""
    first, _, rest = sys.stdin.read(65_536).strip().partition("\n")
    if not rest.strip():
        raise UsageError("--stdin: the first line is the API key, the second the secret; there was no second")
    return _clean("API key", Secret(first)), _clean("secret", Secret(rest))


def one_url(*, from_stdin: bool) -> Secret:
    """An address of alerts, such as Slack's, from the terminal or the first line of stdin."""
    url = Secret(sys.stdin.read(65_536)) if from_stdin else ask("URL")
    text = url.reveal().strip()
    if "://" not in text or len(text.split()) != 1:
        raise UsageError("this is no address for alerts: write a URL as apprise knows it, scheme://…")
    hide(text)
    return Secret(text)


def hide(text: str) -> None:
    """Keep a secret out of whatever this process writes from now on, and each line of it."""
    from runner.logs.redact import redact

    for part in {text, *text.splitlines()}:
        redact.register(part)
    from runner.logs.redact import redact

    redact.register(text)


def _clean(what: str, secret: Secret) -> Secret:
    """Without blanks around it; UsageError when it cannot be one. Hidden before it is looked at."""
    from runner.vault.pem import looks_like_pem, why_unfit

    text = secret.reveal().strip()
    hide(text)
    if looks_like_pem(text):
        fault = why_unfit(text) if what == "secret" else "this is a private key; the API key comes first"
        if fault:
            raise UsageError(fault)
    elif len(text) < 8 or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(f"this is no {what}: it has 8 characters or more, and no blanks")
    return Secret(text)


def _has_terminal() -> bool:
    """Whether a person can be asked without stdin being taken for the answer."""
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return True
    return sys.stdin.isatty()
