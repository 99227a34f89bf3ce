"""Where `runner` keeps things: RUNNER_HOME, else the platform's data directory.

In: the environment. Out: paths; nothing is created here.
Refuses to know: what is inside.
"""

import os
import sys
from pathlib import Path


def runner_home() -> Path:
    """RUNNER_HOME if set; else ~/.local/share/runner (XDG), ~/Library/Application Support, %LOCALAPPDATA%."""
    chosen = os.environ.get("RUNNER_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "runner"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "runner"
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "runner"


def candles_root() -> Path:
    """The candle store's directory."""
    return runner_home() / "candles"


def cache_root() -> Path:
    """What can be made again: compiled code."""
    return runner_home() / "cache"
