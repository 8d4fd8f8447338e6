"""``ringfence check``: every scenario of a file, under many schedules."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from ringfence._check import DEFAULT_BUDGET, STEPS_MAX, CheckInterrupted
from ringfence._cli.terminal import clean, colour, width, write
from ringfence._core import Profile
from ringfence.errors import RingfenceError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ringfence._check import Report
    from ringfence._cli.load import Target

__all__ = ["check"]


@click.command(short_help="Check the scenarios of a file.")
@click.argument("names", metavar="FILE[::NAME]...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per scenario.")
@click.option(
    "--budget",
    default=DEFAULT_BUDGET,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Executions with random schedules, per scenario.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, (1 << 64) - 1),
    metavar="S",
    help="The first seed.",
)
@click.option(
    "--steps",
    default=STEPS_MAX,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Steps after which an execution is cut off.",
)
@click.option(
    "--profile", default="6.12", show_default=True, metavar="NAME", help="Which kernel: 5.9, 6.12 or next."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a switch of the profile.")
@click.option(
    "--jobs",
    default=0,
    type=click.IntRange(0, 1024),
    metavar="N",
    help="Threads; 0, the default, is one per core. The outcome does not depend on it.",
)
@click.option(
    "--width", "columns", type=click.IntRange(20, 1000), metavar="N", help="Columns of text output."
)
@click.pass_context
def check(
    ctx: click.Context,
    names: tuple[str, ...],
    as_json: bool,
    budget: int,
    seed: int,
    steps: int,
    profile: str,
    settings: tuple[str, ...],
    jobs: int,
    columns: int | None,
) -> None:
    """Run every scenario of the FILEs, or those named, under many schedules.

    A FILE is Python with functions decorated by @ringfence.scenario, or one scenario as JSON.

    Exit status: 0 nothing found, 1 findings, 2 unusable input or arguments, 130 interrupted.
    """
    from ringfence._cli.load import targets

    kernel = Profile.from_settings(profile, settings)
    status = 0
    for target in targets(names):
        try:
            report = _one(target, kernel, budget=budget, seed=seed, steps=steps, jobs=jobs)
        except RingfenceError as error:
            click.echo(clean(str(error)), err=True)
            status = 2
            continue
        if as_json:
            write(report.json() + "\n")
        else:
            write(report.text(width(columns), colour()) + "\n\n")
        if report.interrupted:
            ctx.exit(130)
        status = max(status, int(not report.ok))
    ctx.exit(status)


def _one(target: Target, profile: Profile, *, budget: int, seed: int, steps: int, jobs: int) -> Report:
    from ringfence._check import check as run

    name, scenario = target
    with _Bar(name, budget) as bar:
        try:
            return run(
                scenario,
                budget=budget,
                profile=profile,
                seed=seed,
                steps_max=steps,
                jobs=jobs,
                progress=bar.show,
            )
        except CheckInterrupted as interrupted:
            return interrupted.report


class _Bar:
    """How far the check is, on a terminal; it appears with the first tenth of a second."""

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._wanted = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, executions: int) -> None:
        if not self._wanted:
            return
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            console = Console(stderr=True, color_system=None if os.environ.get("NO_COLOR") else "auto")
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(None, complete_style="cyan", finished_style="cyan"),
                TextColumn("{task.completed} executions"),
                console=console,
                transient=True,
                expand=True,
            )
            self._task = self._progress.add_task(clean(self._name, 40), total=self._total)
            self._progress.start()
        if self._task is not None:
            self._progress.update(self._task, completed=executions)
