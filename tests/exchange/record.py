"""Record the cassettes again: `make record`, or `python tests/exchange/record.py --from stand-in`.

From the real exchange this sends eight small requests that only read. leverageBracket is signed: it is
recorded when RUNNER_RECORD_KEY and RUNNER_RECORD_SECRET hold a key that may read, else its cassette stays
as it is. Neither key nor signature is written; tests/exchange/test_exchange_cassettes.py looks for anything
like one.
"""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from stand_in import StandIn, running

from cassettes import CALLS, FOLDER, SIGNED, recorder
from runner.exchange.client import FuturesClient, Keys
from runner.exchange.profiles import PROFILES, Profile, local_profile
from runner.exchange.public import PublicSource

AGAIN = "`make record` writes it again."
STAND_IN = (
    "a local stand-in (tests/exchange/stand_in.py) that answers in the documented shapes; not from Binance"
)


async def record(profile: Profile, keys: Keys | None, origin: str, folder: Path) -> None:
    """Each call into a file of its own, with where it comes from on top."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    for name, call in CALLS.items():
        if name in SIGNED and keys is None:
            print(f"{name}: left as it is; it needs RUNNER_RECORD_KEY and RUNNER_RECORD_SECRET")
            continue
        path = folder / f"{name}.yaml"
        path.unlink(missing_ok=True)
        async with FuturesClient(profile, keys if name in SIGNED else None) as client:
            with recorder("all").use_cassette(str(path)):
                await call(PublicSource(client))
        text = path.read_text(encoding="utf-8")
        head = f"# Recorded on {day} from {origin}.\n# Keys and signatures are left out. {AGAIN}\n"
        path.write_text(head + text, encoding="utf-8")
        print(f"{name}: {len(text):,} characters")


def main() -> None:
    """Where from, then all of them."""
    parser = argparse.ArgumentParser(description="Record cassettes/*.yaml again.")
    parser.add_argument("--from", dest="origin", choices=["main", "stand-in"], default="main")
    parser.add_argument("--into", type=Path, default=FOLDER)
    said = parser.parse_args()
    if said.origin == "stand-in":
        with running(StandIn(weight_shown=10)) as stand_in:  # no count, so that every recording is the same
            asyncio.run(record(local_profile(stand_in.url), Keys("key", "secret"), STAND_IN, said.into))
        return
    key, secret = os.environ.get("RUNNER_RECORD_KEY"), os.environ.get("RUNNER_RECORD_SECRET")
    keys = Keys(key, secret) if key and secret else None
    asyncio.run(record(PROFILES["main"], keys, "Binance, fapi.binance.com", said.into))


if __name__ == "__main__":
    sys.exit(main())
