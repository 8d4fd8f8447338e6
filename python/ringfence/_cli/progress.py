"""The batches of a run over recordings, and progress bars on a terminal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import click

from ringfence._cli.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from rich.progress import Progress, ProgressColumn, TaskID

__all__ = ["Bar", "Batches", "bar_wanted"]


class _Batch(Protocol):
    @property
    def refused(self) -> list[str]: ...
    @property
    def bytes_done(self) -> int: ...
    def counts(self) -> tuple[int, int, int, int]: ...


B = TypeVar("B", bound=_Batch)
B_co = TypeVar("B_co", bound=_Batch, covariant=True)


class _Run(Protocol[B_co]):
    @property
    def bytes_total(self) -> int | None: ...
    def next_batch(self) -> B_co | None: ...


def bar_wanted() -> bool:
    """Standard error is a terminal that can draw one."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class Bar:
    """A progress bar on standard error; it is there from the first `show` on, and goes away again.

    Args:
        columns: texts beside the bar, with ``{task.completed}``, ``{task.fields[count]}``,
            ``{task.fields[phase]}`` and the like.
        total: where it ends, if that is known.
    """

    def __init__(self, columns: list[str], total: int | None, name: str = "") -> None:
        self._columns = columns
        self._total = total
        self._name = name
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def show(self, done: int, count: int = 0, phase: str = "", more: str = "") -> None:
        """Draws it."""
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

            columns: list[ProgressColumn] = [TextColumn(text, markup=False) for text in self._columns]
            # A bar with no end in sight would only take room.
            bar = BarColumn(None, complete_style="cyan", finished_style="cyan")
            columns.insert(0, SpinnerColumn() if self._total is None else bar)
            console = Console(stderr=True, color_system=None if os.environ.get("NO_COLOR") else "auto")
            self._progress = Progress(*columns, console=console, transient=True, expand=True)
            self._task = self._progress.add_task(
                self._name, total=self._total, completed=done, count=count, phase=phase, more=more
            )
            self._progress.start()
        if self._task is not None:
            self._progress.update(self._task, completed=done, count=count, phase=phase, more=more)

    def say(self, message: str) -> None:
        """Writes a line to standard error, above the bar."""
        if self._progress is None:
            click.echo(message, err=True)
        else:
            self._progress.console.print(message, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Takes it away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class Batches(Generic[B]):
    """Iterates over the batches of a run, and says on standard error what could not be used.

    Args:
        run: the run.
        noun: what is counted, in the plural.
        bar: show a progress bar, if there is a terminal.
        count: count beside the bar.

    Attributes:
        count: how many were decided so far.
        refused: how many lines or inputs could not be used so far.
        interrupted: Ctrl-C ended it early.
    """

    def __init__(self, run: _Run[B], *, noun: str = "traces", bar: bool = True, count: bool = True) -> None:
        self.count = 0
        self.refused = 0
        self.interrupted = False
        self._run = run
        self._bytes_done = 0
        self._noun = noun
        self._bar_wanted = bar and bar_wanted()
        columns = [f"{{task.fields[count]}} {noun}"] if count else []
        self._bar = Bar(columns, run.bytes_total)
        self._waiting = False
        self._interrupts = 0
        self._installed = False

    def __enter__(self) -> Self:
        on_main = threading.current_thread() is threading.main_thread()
        if on_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._interrupt)
            self._installed = True
        return self

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Ctrl-C: what is being counted or written is finished first, unless it comes twice."""
        self._interrupts += 1
        if self._waiting or self._interrupts > 1:
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._bar.stop()
        self.interrupted = kind is KeyboardInterrupt
        return self.interrupted

    def __iter__(self) -> Iterator[B]:
        while (batch := self._next()) is not None:
            self._bytes_done = batch.bytes_done
            self.count += batch.counts()[0]
            self.refused += len(batch.refused)
            for message in batch.refused:
                self._bar.say(clean(message))
            yield batch
            # The bar appears with the first batch that has to be waited for.
            if self._bar_wanted:
                self._bar.show(self._bytes_done, count=self.count)

    def _next(self) -> B | None:
        self._waiting = True
        if self._interrupts:
            raise KeyboardInterrupt
        batch = self._run.next_batch()
        self._waiting = False
        return batch

    def status(self, problems: bool) -> int:
        """The exit status: interrupted before unusable before findings."""
        if self.interrupted:
            return 130
        return 2 if self.refused else int(problems)

    @property
    def how_far(self) -> str:
        """``interrupted after N traces (P % of the input)``, or whatever is counted."""
        total = self._run.bytes_total
        share = f" ({100 * self._bytes_done // total} % of the input)" if total else ""
        return f"interrupted after {self.count} {self._noun}{share}"
