"""``ringfence lockdep`` without further options: a table of what was found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ringfence._cli.progress import Batches
from ringfence._cli.terminal import clean, render, width, write
from ringfence._core import rules

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from ringfence._cli.lockdep import Request
    from ringfence._core import Batch

__all__ = ["summary"]

CLEAN = ""
"""The row of traces without findings."""


def summary(request: Request) -> int:
    """Decides and describes all traces; prints how many break which rule, with an example for each."""
    tally = _Tally()
    with Batches(request.run(search="exact", describe=True)) as batches:
        for batch in batches:
            tally.add(batch)
    if tally.traces:
        write(_table(tally, width(request.width)))
    if batches.interrupted:
        write(f"{batches.how_far}\n")
    if tally.traces:
        how = f"profile {request.profile.name}, {request.search or 'exact'} search"
        write(f"{tally.found} of {tally.traces} traces have findings ({how})\n")
    if tally.silent:
        kinds = ", ".join(f"{name} {count}" for name, count in tally.silent.most_common())
        write(f"lockdep itself would have stayed silent about {tally.silent.total()} of them: {kinds}\n")
    example = next((ids[0] for row, ids in sorted(tally.rows.items()) if row[1] != CLEAN), None)
    if example is not None:
        write(f"one in full: ringfence lockdep FILE --explain {clean(example, 60)}\n")
    return batches.status(tally.found > 0)


class _Tally:
    """Traces by file and rule."""

    def __init__(self) -> None:
        self.traces = 0
        self.found = 0
        self.silent: Counter[str] = Counter()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.rows: dict[tuple[str, str], list[str]] = {}

    def add(self, batch: Batch) -> None:
        for trace in batch.items:
            self.traces += 1
            findings = trace.findings
            self.found += bool(findings)
            if findings and findings[0].silence is not None:
                self.silent[findings[0].silence] += 1
            for rule in {finding.rule for finding in findings} or {CLEAN}:
                row = trace.file, rule
                self.counts[row] += 1
                self.rows.setdefault(row, [trace.id])


def _table(tally: _Tally, columns: int) -> str:
    from rich.text import Text

    things: list[RenderableType] = []
    for file in dict.fromkeys(file for file, _ in tally.rows):
        things += [
            Text(clean(file), style="bold", overflow="fold"),
            _rows(tally, file, examples=columns >= 56),
        ]
    return render(*things, columns=columns)


def _rows(tally: _Tally, file: str, *, examples: bool) -> Table:
    from rich.table import Table

    names = {rule.code: rule.name for rule in rules()}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column("rule", no_wrap=True)
    table.add_column("finding", overflow="fold", width=max(map(len, names.values())))
    table.add_column("traces", justify="right", no_wrap=True, min_width=6)
    if examples:
        table.add_column("for example", overflow="fold", style="dim")
    table.add_row(*["rule", "finding", "traces", "for example"][: len(table.columns)], style="dim")
    rows = sorted(row for row in tally.rows if row[0] == file and row[1] != CLEAN)
    if (file, CLEAN) in tally.rows:
        rows.append((file, CLEAN))
    for row in rows:
        name = names.get(row[1], "nothing")
        cells = [row[1], name, str(tally.counts[row]), clean(tally.rows[row][0], 60)]
        table.add_row(*cells[: len(table.columns)])
    return table
