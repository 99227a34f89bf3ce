"""Where alerts go: the names that documents use, and the URLs behind them.

In: names such as `env:ALERT_URL` and `vault:phone`, the settings. Out: sinks, their URLs hidden and kept
out of everything that this process writes from now on.
Refuses to know: what is sent.
"""

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.errors import AlertsFailed, UsageError

if TYPE_CHECKING:
    from runner.domain.secret import Secret
    from runner.notify.sink import Sink
    from runner.settings.load import Settings


def sinks_of(names: Sequence[str], settings: "Settings") -> "list[Sink]":
    """The sinks of these names, the vault opened at most once; AlertsFailed names all that are missing."""
    from runner.notify.sink import Sink

    missing = [name for name in names if name.startswith("env:") and not os.environ.get(name[4:])]
    if missing:
        raise AlertsFailed(
            "\n".join(f"{name}: the variable {name[4:]} is not set" for name in missing)
            + "\n  set it to a URL as apprise knows it, such as slack://…, mailtos://…, tgram://…"
        )
    in_vault = [name for name in names if name.startswith("vault:")]
    urls = _vault_urls(in_vault, settings) if in_vault else {}
    return [Sink(name, urls.get(name) or _from_environment(name)) for name in names]


def checked_name(name: str) -> str:
    """A name as documents spell it; UsageError otherwise, and without it: it may be a URL."""
    from runner.bot.alerts import SINK_PATTERN

    if not re.match(SINK_PATTERN, name):
        raise UsageError("--to: name where the URL is kept, env:ALERT_URL or vault:phone; not the URL itself")
    return name


def _from_environment(name: str) -> "Secret":
    from runner.cli.vault import hide
    from runner.domain.secret import Secret

    url = os.environ[name[4:]].strip()
    hide(url)
    return Secret(url)


def _vault_urls(names: Sequence[str], settings: "Settings") -> "dict[str, Secret]":
    from runner.cli.vault import access_to
    from runner.vault.vault import open_vault

    vault = open_vault(access_to(settings))
    return {name: vault.url(name.removeprefix("vault:")) for name in names}
