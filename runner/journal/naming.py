"""The names of runs.

In: a bot, its hash, the time, the journal's reader. Out: a name that no run has.
Refuses to know: what a run is.
"""

import time

from runner.journal.read import Reader


def free_name(read: Reader, bot: str, bot_hash: str, now_ms: int) -> str:
    """`btc_trend-20240305-141530-5726c50`; a number behind it when two ran within a second."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_ms // 1000))
    name = f"{bot}-{moment}-{bot_hash[:7]}"
    number = 1
    while read.run(name if number == 1 else f"{name}-{number}") is not None:
        number += 1
    return name if number == 1 else f"{name}-{number}"
