"""Figures of a proof's last run, kept for the page that shows them.

In: a name, figures. Out: build/proof/NAME.json, with the product's digest and the day; only where
RUNNER_PROOF_FIGURES says so.
Refuses to know: what the figures mean.
"""

import hashlib
import json
import os
import platform
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "proof"


def write_figures(name: str, figures: dict[str, Any]) -> None:
    """Keep what a proof measured. Whole or not at all: another proof may write beside it."""
    if not os.environ.get("RUNNER_PROOF_FIGURES"):
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    about = {"of": source_digest(), "day": datetime.now(UTC).date().isoformat(), "machine": machine()}
    partial = FOLDER / f".{name}.{os.getpid()}"
    partial.write_text(json.dumps({**about, **figures}, indent=1) + "\n", encoding="utf-8")
    partial.replace(FOLDER / f"{name}.json")


def machine() -> str:
    """What it ran on, as far as it matters for the times."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


@cache
def source_digest() -> str:
    """Twelve letters that name the product's source as it lies here."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in ("runner", "indicators") for file in (ROOT / folder).rglob("*.py")):
        digest.update(file.relative_to(ROOT).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
