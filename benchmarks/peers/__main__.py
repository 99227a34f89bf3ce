"""`python -m benchmarks.peers [--peers PYTHON] [--rounds N] [--json] [--check]`: we beside other engines.

In: options. Out: one table of one run on stdout; with --check exit code 1 when a ratio misses its target.
Refuses to know: what is measured. An engine that cannot be imported is skipped, with the reason.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.cases import Work
from benchmarks.peers.contest import Scope, run_contest
from benchmarks.peers.standing import render_standing, standing_json
from benchmarks.table import missed_ratios


def main() -> int:
    """Measure, print, judge."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Beside other engines.")
    options.add_argument(
        "--peers",
        metavar="PYTHON",
        default=sys.executable,
        help="the Python that has the other engines; this one by default",
    )
    options.add_argument(
        "--rounds",
        type=int,
        default=Scope().rounds,
        metavar="N",
        help="how often each engine runs, in turn (default: %(default)s)",
    )
    options.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options.add_argument("--check", action="store_true", help="exit code 1 when a ratio misses its target")
    chosen = options.parse_args()
    if chosen.rounds < 1:
        options.error("--rounds: at least 1")
    scope = Scope(rounds=chosen.rounds, slow_rounds=min(chosen.rounds, Scope().slow_rounds))
    with tempfile.TemporaryDirectory(prefix="runner-peers-") as folder:
        contest = run_contest(Path(folder), Work(), chosen.peers, scope)
    sys.stdout.write((standing_json if chosen.json else render_standing)(contest))
    return 1 if chosen.check and missed_ratios(contest.figures) else 0


if __name__ == "__main__":
    sys.exit(main())
