"""What `runner keys` prints: text for people, JSON (version 1) for machines. No secret ever comes here.

In: entries of the vault, what the exchange said of them. Out: text.
Refuses to know: what is sealed.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from runner.domain.time import format_time

if TYPE_CHECKING:
    from runner.cli.rights import Judged
    from runner.vault.form import Entry
    from runner.vault.vault import Place, Vault

JSON_VERSION = 1


class Finding(NamedTuple):
    """An entry that opened; `judged` None: the exchange was not asked."""

    entry: "Entry"
    judged: "Judged | None"


def said(as_json: bool, sentence: str, vault: "Vault", place: "Place | None") -> None:
    """What was done, and how the entry stands now."""
    from runner.vault.vault import place_of

    if not as_json:
        click.echo(sentence)
        return
    entries = [_plain(entry) for entry in vault.entries() if place in (None, place_of(entry))]
    _print_json({"done": sentence, "vault": str(vault.path), "entries": entries})


def listed(as_json: bool, path: Path, entries: "tuple[Entry, ...] | None") -> str:
    """The table of `list`."""
    if as_json:
        plain = [_plain(entry) for entry in entries or ()]
        return _json({"vault": str(path), "exists": entries is not None, "entries": plain})
    if not entries:
        what = "is empty" if entries is not None else "is not there yet"
        return f"the vault {path} {what}; 'runner keys add --mode testnet' adds a key\n"
    lines = [f"vault {path}", f"{'kind':<5} {'mode':<8} {'name':<20} {'account':<12} version  added"]
    for entry in entries:
        state = f"{entry.version}{' waits' if entry.state == 'waiting' else ''}"
        lines.append(
            f"{entry.kind:<5} {entry.mode or '-':<8} {entry.name:<20} {entry.account or '-':<12} "
            f"{state:<8} {format_time(entry.added_ms)} UTC"
        )
    return "\n".join(lines) + "\n"


def checked(as_json: bool, path: Path, findings: list[Finding]) -> str:
    """The lines of `check`."""
    if as_json:
        return _json({"vault": str(path), "entries": [_judged(found) for found in findings]})
    count = f"{len(findings)} {'entry' if len(findings) == 1 else 'entries'}"
    lines = [f"vault {path}: opens, unchanged since runner wrote it; {count}"]
    for entry, judged in findings:
        kind = f"{entry.mode} key" if entry.kind == "key" else "address"
        state = f"version {entry.version}{', waits' if entry.state == 'waiting' else ''}"
        bad = judged is not None and bool(judged.refusals)
        lines.append(f"{'✗' if bad else '✓'} {kind} {entry.name}  {state}")
        if judged is not None:
            lines += [f"    fault: {one}" for one in judged.refusals]
            lines += [f"    warning: {one}" for one in judged.cautions]
            if not judged.refusals and not judged.cautions:
                lines.append("    trades futures, cannot withdraw, bound to an address")
    return "\n".join(lines) + "\n"


def _judged(found: Finding) -> dict[str, object]:
    asked = found.judged
    return _plain(found.entry) | {
        "opens": True,
        "asked": asked is not None,
        "refusals": list(asked.refusals) if asked else [],
        "cautions": list(asked.cautions) if asked else [],
    }


def _plain(entry: "Entry") -> dict[str, object]:
    return {name: found for name, found in entry._asdict().items() if name != "box"}


def _print_json(body: dict[str, object]) -> None:
    click.echo(_json(body), nl=False)


def _json(body: dict[str, object]) -> str:
    return json.dumps({"version": JSON_VERSION} | body, indent=2, ensure_ascii=False) + "\n"
