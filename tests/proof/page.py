"""The figures in docs/proof.md, written from what the proofs left in build/proof.

    python -m tests.proof.page            writes the section anew
    python -m tests.proof.page --print    shows it

In: build/proof/*.json. Out: the text between the two marks in docs/proof.md. A proof that was not run says
so, and so does one that ran on another source than the one that lies here.
Refuses to know: how anything is proved.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.proof.figures import FOLDER, ROOT, source_digest

PAGE = ROOT / "docs" / "proof.md"
BEGIN, END = "<!-- figures: written by `make proof` -->", "<!-- end of figures -->"

Figures = Mapping[str, Any]
_ABOUT = ("of", "day", "machine")


def section(folder: Path, digest: str) -> str:
    """All proofs in turn."""
    parts = [f"Source `{digest}` (twelve letters of a digest over the sources of runner and indicators)."]
    for title, pattern, render in PROOFS:
        found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob(pattern))]
        parts.append(f"### {title}")
        if not found:
            parts.append("Not run.")
        else:
            parts.append("\n".join((_when(found, digest), "", *render(found))))
    return "\n\n".join(parts)


def _when(found: Sequence[Figures], digest: str) -> str:
    """The days, the machines, and the sources that are not the one that lies here."""
    days = sorted({f"{one['day']}, {one['machine']}" for one in found})
    others = sorted({one["of"] for one in found} - {digest})
    elsewhere = f"; **in part on another source: {', '.join(others)}**" if others else ""
    return f"{'; '.join(days)}{elsewhere}."


def _matrix(found: Sequence[Figures]) -> Iterator[str]:
    (figures,) = found
    deaths = figures["deaths"]
    yield (
        f"{figures['runs']:,} different runs, **{len(figures['red'])} red**, in {figures['seconds']:.0f} s. "
        f"They stand for {figures['cells']:,} cells: where a death is not reached, it is the run without. "
        f"Died twice {deaths['2']:,}, once {deaths['1']:,}, never {deaths['0']:,}. "
        f"Slowest recovery, in the exchange's time: {figures['recovery_ms'] / 1000:.1f} s "
        f"(`{figures['recovery_cell']}`)."
    )
    yield ""
    yield "Runs in which the process died at the point: " + ", ".join(
        f"{name} {count:,}" for name, count in figures["reached"].items()
    )


def _seeds(found: Sequence[Figures]) -> Iterator[str]:
    (figures,) = found
    yield (
        f"{figures['plays']:,} lives ({figures['safety']:,} safety, {figures['liveness']:,} liveness), "
        f"numbers {figures['first']} to {figures['first'] + figures['plays'] - 1}, "
        f"{figures['executions']:,} executions, **{len(figures['red'])} red**, in {figures['seconds']:.0f} s."
    )
    yield ""
    states = figures["states"]
    yield "| fault struck, or held | " + " | ".join(states) + " |"
    yield "|---" + "|---:" * len(states) + "|"
    for name, counts in figures["met"].items():
        yield f"| `{name}` | " + " | ".join(f"{counts.get(state, 0):,}" for state in states) + " |"


def _bugs(found: Sequence[Figures]) -> Iterator[str]:
    yield "| bug | seen by | in life |"
    yield "|---|---|---:|"
    for one in found:
        yield f"| {one['bug'].replace('_', ' ')} | {', '.join(one['by'])} | {one['life']} |"


def _plain(found: Sequence[Figures]) -> Iterator[str]:
    """Whatever a proof left, a column for each of its files."""
    names = list(dict.fromkeys(name for one in found for name in one if name not in _ABOUT))
    yield "| |" + " |" * len(found)
    yield "|---|" + "---:|" * len(found)
    for name in names:
        yield f"| {name.replace('_', ' ')} | " + " | ".join(_word(one.get(name, "–")) for one in found) + " |"


def _word(one: Any) -> str:
    if isinstance(one, float):
        return f"{one:,.2f}"
    if isinstance(one, int):
        return f"{one:,}"
    if isinstance(one, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_word(inner)}" for name, inner in one.items())
    return ", ".join(map(_word, one)) if isinstance(one, list) else str(one)


PROOFS: tuple[tuple[str, str, Callable[[Sequence[Figures]], Iterator[str]]], ...] = (
    ("The crash matrix", "matrix.json", _matrix),
    ("Random lives", "seeds.json", _seeds),
    ("Bugs switched on", "bug-*.json", _bugs),
    ("Real processes killed over sockets", "kills*.json", _plain),
    ("Rehearsal beside the backtest", "parity*.json", _plain),
    ("Rehearsals with faults", "storms*.json", _plain),
)


def renewed(page: str, figures: str) -> str:
    """The page with these figures between its marks."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{BEGIN} and {END} have to stand in the page")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.page")
    parser.add_argument("--print", action="store_true", help="show the section instead of writing it")
    figures = section(FOLDER, source_digest())
    if parser.parse_args().print:
        print(figures)
        return 0
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), figures), encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
