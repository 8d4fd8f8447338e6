"""``--check``: do recordings and engine agree?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import click

from ringfence._cli.progress import Batches
from ringfence._cli.terminal import clean, render, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.table import Table

    from ringfence._cli.lockdep import Request
    from ringfence._core import Replayed

__all__ = ["Tally", "agreement_line", "compare_traces"]

SHOWN = 10
"""How many disagreements are shown."""


class _Compared(Protocol):
    @property
    def file(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def agrees(self) -> bool | None: ...


T = TypeVar("T", bound=_Compared)


def agreement_line(agreeing: int, recorded: int, total: int, what: str) -> str:
    """``N of M agree``, and how many have nothing (`what`) to compare with."""
    without = f", {total - recorded} without a recorded {what}" if recorded < total else ""
    return f"{agreeing} of {recorded} agree{without}"


class Tally(Generic[T]):
    """Counts by file and family, and the first disagreements.

    Attributes:
        total: recordings.
        recorded: those that say what the kernel did.
        agreeing: those of which the engine says the same.
        disagreements: the first others.
    """

    def __init__(self) -> None:
        self.disagreements: list[T] = []
        self._total: Counter[tuple[str, str]] = Counter()
        self._recorded: Counter[tuple[str, str]] = Counter()
        self._agreeing: Counter[tuple[str, str]] = Counter()
        self._extra: Counter[tuple[str, str]] = Counter()

    @property
    def total(self) -> int:
        return self._total.total()

    @property
    def recorded(self) -> int:
        return self._recorded.total()

    @property
    def agreeing(self) -> int:
        return self._agreeing.total()

    def add(self, items: Iterable[T], extra: Iterable[int] | None = None) -> None:
        """Counts recordings; of each also another number, for a column of its own."""
        counted = items if extra is None else list(items)
        if extra is not None:
            for item, number in zip(counted, extra, strict=True):
                self._extra[item.file, item.family] += number
        for item in counted:
            row = item.file, item.family
            self._total[row] += 1
            agrees = item.agrees
            if agrees is None:
                continue
            self._recorded[row] += 1
            if agrees:
                self._agreeing[row] += 1
            elif len(self.disagreements) < SHOWN:
                self.disagreements.append(item)

    @property
    def more(self) -> int:
        """How many disagreements are not among the first."""
        return self.recorded - self.agreeing - len(self.disagreements)

    def table(self, columns: int | None, extra: str | None = None) -> str:
        """The counts by file and family; `extra` is what else was counted."""
        from rich.text import Text

        things: list[RenderableType] = []
        for file in dict.fromkeys(file for file, _ in self._total):
            things += [Text(clean(file), style="bold", overflow="fold"), self._rows(file, extra)]
        return render(*things, columns=columns)

    def _rows(self, file: str, extra: str | None) -> Table:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        widest = max(len(family) for _, family in self._total)
        table.add_column("family", overflow="fold", min_width=min(14, widest))
        names = [
            "agree",
            "of",
            *(["without"] if self.recorded < self.total else []),
            *([extra] if extra else []),
        ]
        for name in names:
            table.add_column(name, justify="right", no_wrap=True, min_width=5)
        table.add_row("family", *names, style="dim")
        for row in sorted(row for row in self._total if row[0] == file):
            agreeing, recorded = self._agreeing[row], self._recorded[row]
            counts = {
                "agree": agreeing,
                "of": recorded,
                "without": self._total[row] - recorded,
                extra: self._extra[row],
            }
            style = "" if agreeing == recorded else "red"
            table.add_row(clean(row[1], 60) or "(none)", *(str(counts[name]) for name in names), style=style)
        return table


def compare_traces(request: Request) -> int:
    """``ringfence lockdep --check``: a table by file and family, and the first disagreements."""
    tally: Tally[Replayed] = Tally()
    with Batches(request.run(search="kernel", describe=False)) as batches:
        for batch in batches:
            tally.add(batch.items)
    if tally.total:
        write(tally.table(request.width))
    for trace in tally.disagreements:
        write(f"{_disagreement(trace)}\n")
    if tally.more > 0:
        write(f"… and {tally.more} more\n")
    if batches.interrupted:
        write(f"{batches.how_far}\n")
    write(f"{agreement_line(tally.agreeing, tally.recorded, batches.count, 'verdict')}\n")
    if tally.recorded == 0 and batches.count:
        click.echo("no trace has a recorded verdict; there is nothing to compare with", err=True)
    return batches.status(tally.agreeing < tally.recorded) or (2 if tally.recorded == 0 else 0)


def _disagreement(trace: Replayed) -> str:
    expected = trace.expected or "nothing"
    got = trace.verdict or "nothing"
    return f"{clean(trace.file)}:{trace.line}: {clean(trace.id, 60)}: recorded {expected}, got {got}"
