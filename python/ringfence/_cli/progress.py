"""The batches of a run, with a progress bar on a terminal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Self

import click

from ringfence._cli.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from rich.progress import Progress, TaskID

    from ringfence._core import Batch, Run

__all__ = ["Batches"]


class Batches:
    """Iterates over the batches of a run, and says on standard error what could not be used.

    Attributes:
        traces: how many were decided so far.
        refused: how many lines or inputs could not be used so far.
        interrupted: Ctrl-C ended it early.
    """

    def __init__(self, run: Run, *, bar: bool = True, count: bool = True) -> None:
        self.traces = 0
        self.refused = 0
        self.interrupted = False
        self._run = run
        self._bytes_done = 0
        self._bar = bar and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._count = count
        self._progress: Progress | None = None
        self._task: TaskID | None = None
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
        if self._progress is not None:
            self._progress.stop()
        self.interrupted = kind is KeyboardInterrupt
        return self.interrupted

    def __iter__(self) -> Iterator[Batch]:
        while (batch := self._next()) is not None:
            self._bytes_done = batch.bytes_done
            self.traces += batch.counts()[0]
            self.refused += len(batch.refused)
            for message in batch.refused:
                self._say(clean(message))
            yield batch
            # The bar appears with the first batch that has to be waited for.
            if self._bar:
                self._show()

    def _next(self) -> Batch | None:
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
        """``interrupted after N traces (P % of the input)``."""
        total = self._run.bytes_total
        share = f" ({100 * self._bytes_done // total} % of the input)" if total else ""
        return f"interrupted after {self.traces} traces{share}"

    def _say(self, message: str) -> None:
        if self._progress is None:
            click.echo(message, err=True)
        else:
            self._progress.console.print(message, markup=False, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

            columns: list[ProgressColumn] = [BarColumn(None, complete_style="cyan", finished_style="cyan")]
            if self._count:
                columns.append(TextColumn("{task.fields[traces]} traces"))
            console = Console(stderr=True, color_system=None if os.environ.get("NO_COLOR") else "auto")
            self._progress = Progress(*columns, console=console, transient=True, expand=True)
            self._task = self._progress.add_task("", total=self._run.bytes_total, traces=0)
            self._progress.start()
        if self._task is not None:
            self._progress.update(self._task, completed=self._bytes_done, traces=self.traces)
