"""``ringfence lockdep --check``: are these the recorded verdicts?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from ringfence._cli.progress import Batches
from ringfence._cli.terminal import clean, render, write

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from ringfence._cli.lockdep import Request
    from ringfence._core import Batch, Replayed

__all__ = ["check", "verdict_line"]

SHOWN = 10
"""How many disagreements are shown."""


def check(request: Request) -> int:
    """Compares, prints a table by file and family, and the first disagreements."""
    tally = _Tally()
    with Batches(request.run(search="kernel", describe=False)) as batches:
        for batch in batches:
            tally.add(batch)
    recorded = sum(tally.recorded.values())
    agreeing = sum(tally.agreeing.values())
    if tally.traces:
        write(_table(tally, request.width))
    for trace in tally.disagreements:
        write(f"{_disagreement(trace)}\n")
    more = recorded - agreeing - len(tally.disagreements)
    if more > 0:
        write(f"… and {more} more\n")
    if batches.interrupted:
        write(f"{batches.how_far}\n")
    write(f"{verdict_line(agreeing, recorded, batches.traces)}\n")
    if recorded == 0 and batches.traces:
        click.echo("no trace has a recorded verdict; there is nothing to compare with", err=True)
    return batches.status(agreeing < recorded) or (2 if recorded == 0 else 0)


def verdict_line(agreeing: int, recorded: int, traces: int) -> str:
    """``N of M agree``, and how many have no recorded verdict."""
    without = f", {traces - recorded} without a recorded verdict" if recorded < traces else ""
    return f"{agreeing} of {recorded} agree{without}"


class _Tally:
    """Counts by file and family."""

    def __init__(self) -> None:
        self.traces: Counter[tuple[str, str]] = Counter()
        self.recorded: Counter[tuple[str, str]] = Counter()
        self.agreeing: Counter[tuple[str, str]] = Counter()
        self.disagreements: list[Replayed] = []

    def add(self, batch: Batch) -> None:
        for trace in batch.items:
            row = trace.file, trace.family
            self.traces[row] += 1
            agrees = trace.agrees
            if agrees is None:
                continue
            self.recorded[row] += 1
            if agrees:
                self.agreeing[row] += 1
            elif len(self.disagreements) < SHOWN:
                self.disagreements.append(trace)


def _table(tally: _Tally, columns: int | None) -> str:
    from rich.text import Text

    things: list[RenderableType] = []
    for file in dict.fromkeys(file for file, _ in tally.traces):
        things += [Text(clean(file), style="bold", overflow="fold"), _rows(tally, file)]
    return render(*things, columns=columns)


def _rows(tally: _Tally, file: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(
        "family", overflow="fold", min_width=min(14, max(len(family) for _, family in tally.traces))
    )
    names = ["agree", "of"]
    if sum(tally.recorded.values()) < sum(tally.traces.values()):
        names.append("without")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True, min_width=5)
    table.add_row("family", *names, style="dim")
    for row in sorted(row for row in tally.traces if row[0] == file):
        agreeing, recorded, traces = tally.agreeing[row], tally.recorded[row], tally.traces[row]
        counts = [str(agreeing), str(recorded), str(traces - recorded)]
        style = "" if agreeing == recorded else "red"
        table.add_row(clean(row[1], 60) or "(none)", *counts[: len(names)], style=style)
    return table


def _disagreement(trace: Replayed) -> str:
    expected = trace.expected or "nothing"
    got = trace.verdict or "nothing"
    return f"{clean(trace.file)}:{trace.line}: {clean(trace.id, 60)}: recorded {expected}, got {got}"
