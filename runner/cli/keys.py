"""`runner keys`: exchange keys and alert addresses: add, list, rotate, remove, check, passphrase.

In: options; secrets from the terminal or stdin, never as arguments. Out: text or JSON on stdout without them.
Refuses to know: how anything is sealed, how the exchange is asked.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.vault import PASSPHRASE_FILE
from runner.errors import ExchangeFailed, KeyRefused, KeysFailed, UsageError

if TYPE_CHECKING:
    from runner.domain.secret import Secret
    from runner.settings.load import Settings
    from runner.vault.vault import Access, KeyPair, Place

_mode = click.option("--mode", type=click.Choice(["testnet", "live"]), help="What the key is for.")
_name = click.option("--name", default="main", show_default=True, help="Its name.")
_url = click.option("--url", "is_url", is_flag=True, help="An address of alerts (vault:NAME), not a key.")
_stdin = click.option(
    "--stdin", "from_stdin", is_flag=True, help="Read from stdin: API key, newline, secret."
)
_online = click.option("--online", is_flag=True, help="Ask the exchange what the key may do.")
_keyring = click.option("--keyring", "in_keyring", is_flag=True, help="The system's keyring opens the vault.")
_as_json = click.option("--json", "as_json", is_flag=True, help="As JSON (version 1).")


@click.group("keys")
def group() -> None:
    """Keep exchange keys and alert addresses, encrypted in RUNNER_HOME/keys/vault.json.

    \b
    runner keys add --mode testnet             asks for the key, its secret and a passphrase
    runner keys list
    runner keys check --online                 opens all; asks the exchange what each key may do
    runner keys rotate --mode live --online    the new key takes over once the exchange takes it
    """


@group.command("add")
@_mode
@_name
@_url
@click.option("--account", default="main", show_default=True, help="Your name for the account it belongs to.")
@_keyring
@_stdin
@_online
@PASSPHRASE_FILE
@_as_json
def add_entry(
    mode: str | None,
    name: str,
    is_url: bool,
    account: str,
    in_keyring: bool,
    from_stdin: bool,
    online: bool,
    passphrase_file: str | None,
    as_json: bool,
) -> None:
    """Add a key, or with --url an address of alerts. The first one makes the vault.

    \b
    runner keys add --mode testnet
    runner keys add --mode live --name second --online
    runner keys add --url --name slack
    runner keys add --mode testnet --stdin --passphrase-file pass.txt < key.txt

    A key needs the rights to read and to trade futures, and must not have the right to withdraw.
    """
    from runner.cli.key_texts import said
    from runner.cli.vault import access_to, make_vault
    from runner.vault.change import add
    from runner.vault.vault import open_vault, place_of

    place = _place(mode, name, is_url)
    settings = _settings(passphrase_file)
    access = None
    if in_keyring and passphrase_file:
        raise UsageError("--keyring and --passphrase-file: one of them opens the vault")
    if settings.path("vault.file").exists():
        if in_keyring:
            raise UsageError(
                "there is a vault already; 'runner keys passphrase --keyring' changes what opens it"
            )
        access = access_to(settings)
        if any(place_of(entry) == place for entry in open_vault(access).entries()):
            raise KeysFailed(f"{place} is there already; 'runner keys rotate' replaces it without a pause")
    text, pair = _entered(place, from_stdin)
    if online and pair:
        _refuse_bad(settings, place, pair)
    access = access or make_vault(settings, in_keyring=in_keyring)
    vault = add(access, place, text, account="" if is_url else account, now_ms=_now_ms())
    said(as_json, f"added {place}, version 1, in {vault.path}", vault, place)


@group.command("list")
@_as_json
def list_all(as_json: bool) -> None:
    """Show what the vault holds, without opening it: names, modes, versions; no secrets.

    \b
    runner keys list
    runner keys list --json
    """
    from runner.cli.key_texts import listed
    from runner.vault.vault import list_entries

    path = _settings(None).path("vault.file")
    click.echo(listed(as_json, path, list_entries(path)), nl=False)


@group.command("rotate")
@_mode
@_name
@_url
@_stdin
@click.option("--online", is_flag=True, help="Ask the exchange; if it takes the new key, use it from now on.")
@click.option("--confirm", is_flag=True, help="Use the version that waits, and drop the old one.")
@click.option("--abandon", is_flag=True, help="Drop the version that waits, and go on with the old one.")
@PASSPHRASE_FILE
@_as_json
def rotate(
    mode: str | None,
    name: str,
    is_url: bool,
    from_stdin: bool,
    online: bool,
    confirm: bool,
    abandon: bool,
    passphrase_file: str | None,
    as_json: bool,
) -> None:
    """Replace a key without a pause: the new one waits beside the old until it is confirmed.

    \b
    runner keys rotate --mode live --online      ask for the new key, try it, use it
    runner keys rotate --mode live               the same in steps: put it beside the old one,
    runner keys rotate --mode live --confirm     and use it
    runner keys rotate --mode live --abandon     or not

    Running bots keep the key they began with. Delete the old key at the exchange when they have ended.
    """
    from runner.cli.key_texts import said
    from runner.cli.vault import access_to
    from runner.vault import change

    if confirm + abandon + (online or from_stdin) > 1:
        raise UsageError("--confirm, --abandon and a new key (--online, --stdin) are three different steps")
    place = _place(mode, name, is_url)
    settings = _settings(passphrase_file)
    access = access_to(settings)
    if confirm:
        vault = change.confirm(access, place)
        said(as_json, f"{place}: the new version is in use, the old one is dropped", vault, place)
        return
    if abandon:
        vault = change.withdraw(access, place)
        said(as_json, f"{place}: the new version is dropped, the old one stays in use", vault, place)
        return
    _must_exist(access, place)
    text, pair = _entered(place, from_stdin)
    if online and pair:
        _refuse_bad(settings, place, pair)
    vault = change.offer(access, place, text, now_ms=_now_ms())
    if online or is_url:
        vault = change.confirm(access, place, vault.entry(place, "waiting").version)
        said(
            as_json,
            f"{place}: the new version is in use; delete the old one where it came from",
            vault,
            place,
        )
        return
    again = f"runner keys rotate --mode {mode} --name {name}"
    said(as_json, f"{place}: the new version waits; '{again} --confirm' uses it", vault, place)


@group.command("remove")
@_mode
@_name
@_url
@click.option("--yes", is_flag=True, help="Do not ask.")
@PASSPHRASE_FILE
@_as_json
def remove_entry(
    mode: str | None, name: str, is_url: bool, yes: bool, passphrase_file: str | None, as_json: bool
) -> None:
    """Take an entry out of the vault, all its versions. Delete the key at the exchange as well.

    \b
    runner keys remove --mode testnet
    runner keys remove --url --name slack --yes
    """
    from runner.cli.key_texts import said
    from runner.cli.vault import access_to
    from runner.vault.change import remove

    place = _place(mode, name, is_url)
    access = access_to(_settings(passphrase_file))
    _must_exist(access, place)
    if not yes:
        click.confirm(f"take {place} out of the vault?", abort=True, err=True)
    vault = remove(access, place)
    said(as_json, f"removed {place}; copies of the vault that you kept still hold it", vault, place)


@group.command("check")
@click.option("--mode", type=click.Choice(["testnet", "live"]), help="Keys of this mode only.")
@click.option("--name", help="Keys of this name only.")
@_online
@PASSPHRASE_FILE
@_as_json
def check(
    mode: str | None, name: str | None, online: bool, passphrase_file: str | None, as_json: bool
) -> None:
    """Open the vault and every entry; with --online, ask the exchange what each key may do.

    \b
    runner keys check
    runner keys check --mode live --online

    Exit code 5: it does not open, it was changed, or a key may do too much or too little.
    """
    from runner.cli.key_texts import Finding, checked
    from runner.cli.rights import Judged, judge
    from runner.cli.vault import access_to
    from runner.vault.vault import open_vault

    settings = _settings(passphrase_file)
    vault = open_vault(access_to(settings))
    findings = []
    for entry in vault.entries():
        if (mode and entry.mode != mode) or (name and entry.name != name):
            continue
        if entry.kind == "url":
            vault.text_of(entry)
            findings.append(Finding(entry, None))
            continue
        pair = vault.key(entry.mode, entry.name, entry.state)
        judged = None
        if online:
            try:
                judged = judge(settings, entry.mode, pair)
            except ExchangeFailed as error:
                judged = Judged((str(error),), ())
        findings.append(Finding(entry, judged))
    click.echo(checked(as_json, vault.path, findings), nl=False)
    if any(found.judged and found.judged.refusals for found in findings):
        raise SystemExit(KeyRefused.exit_code)


@group.command("passphrase")
@_keyring
@click.option(
    "--new-passphrase-file", metavar="FILE", help="Holds the new one; mode 600.  [default: asked for]"
)
@PASSPHRASE_FILE
@_as_json
def passphrase(
    in_keyring: bool, new_passphrase_file: str | None, passphrase_file: str | None, as_json: bool
) -> None:
    """Change what opens the vault; everything in it is encrypted again, under a new data key.

    \b
    runner keys passphrase
    runner keys passphrase --keyring      from now on the system's keyring opens it
    """
    from runner.cli.key_texts import said
    from runner.cli.vault import access_to, new_locker
    from runner.vault.change import relock
    from runner.vault.vault import open_vault

    if in_keyring and new_passphrase_file:
        raise UsageError("--keyring and --new-passphrase-file: one of them opens the vault")
    access = access_to(_settings(passphrase_file))
    open_vault(access)  # before a new one is asked for
    file = Path(new_passphrase_file) if new_passphrase_file else None
    vault = relock(access, new_locker(file, in_keyring=in_keyring))
    opens = (
        "the system's keyring opens the vault now" if in_keyring else "the new passphrase opens the vault now"
    )
    said(as_json, f"{opens}; copies of the vault that you kept open as before", vault, None)


def _settings(passphrase_file: str | None) -> "Settings":
    from runner.cli.settings import settings_now

    return settings_now({"vault.passphrase_file": passphrase_file})


def _place(mode: str | None, name: str, is_url: bool) -> "Place":
    from runner.vault.vault import key_place, url_place

    if is_url:
        if mode:
            raise UsageError("--url has no --mode: an address of alerts serves all of them")
        return url_place(name)
    if mode is None:
        raise UsageError("say what the key is for: --mode testnet or --mode live (or --url for an address)")
    return key_place(mode, name)


def _must_exist(access: "Access", place: "Place") -> None:
    """Before anything is asked for."""
    from runner.vault.vault import open_vault

    open_vault(access).entry(place, "current")


def _entered(place: "Place", from_stdin: bool) -> "tuple[Secret, KeyPair | None]":
    """What is to be sealed, and the key in it."""
    from runner.cli.vault import ask_key, one_url, piped_key
    from runner.vault.change import key_text
    from runner.vault.vault import KeyPair

    if place.kind == "url":
        return one_url(from_stdin=from_stdin), None
    api_key, secret = piped_key() if from_stdin else ask_key()
    return key_text(api_key, secret), KeyPair(api_key, secret, "", 0)


def _refuse_bad(settings: "Settings", place: "Place", pair: "KeyPair") -> None:
    """KeyRefused when the exchange says that the key can do too much or too little; cautions go to stderr."""
    from runner.cli.rights import judge

    judged = judge(settings, place.mode, pair)
    for caution in judged.cautions:
        click.echo(f"warning: {place}: {caution}", err=True)
    if judged.refusals:
        raise KeyRefused(f"{place} was not stored: {'; '.join(judged.refusals)}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
