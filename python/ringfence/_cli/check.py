"""``ringfence check``: every scenario of a file, under many schedules."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ringfence._arguments import MEMORY_MAX, STEPS_MAX, strategy_of
from ringfence._check import DEFAULT_BUDGET, CheckInterrupted
from ringfence._check import check as run_check
from ringfence._cli.execution import again, line, only_target, report, target_of
from ringfence._cli.options import jobs_option, profile_options, width_option
from ringfence._cli.progress import Bar, bar_wanted
from ringfence._cli.terminal import clean, colour, width, write
from ringfence._core import Profile
from ringfence.errors import ArgumentError, RingfenceError

if TYPE_CHECKING:
    from ringfence._check import Report
    from ringfence._cli.load import Target
    from ringfence._core import Progress
    from ringfence.errors import ScenarioError

__all__ = ["check"]


@dataclass(frozen=True)
class _Request:
    """What was asked for.

    Attributes:
        profile: which kernel.
        as_json: a line of JSON per scenario.
        budget: executions of each search.
        seed: the first seed.
        steps: steps after which an execution is cut off.
        jobs: threads, 0 for one per core.
        strategy: what makes the choices.
        time: seconds per scenario, if that is limited.
        memory: MiB of a search.
        columns: columns of text.
    """

    profile: Profile
    as_json: bool
    budget: int
    seed: int
    steps: int
    jobs: int
    strategy: str
    time: float | None
    memory: int
    columns: int


def _strategy(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    try:
        return strategy_of(name)
    except ArgumentError as error:
        raise click.BadParameter(str(error).removeprefix("strategy=")) from error


@click.command(short_help="Check scenarios: predict, then prove.")
@click.argument("names", metavar="FILE[::NAME]...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per scenario, in input order.")
@click.option(
    "--budget",
    type=click.IntRange(0),
    metavar="N",
    default=DEFAULT_BUDGET,
    show_default=True,
    help="Executions of each search, per scenario.",
)
@click.option(
    "--strategy",
    default="proof",
    show_default=True,
    metavar="NAME",
    callback=_strategy,
    help="proof: predict, then prove, by all searches; or one search alone: random, pct:DEPTH, dpor (one "
    "execution of each class of equivalent ones), directed (towards what is predicted).",
)
@click.option(
    "--time",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="End after this long, with what was found until then; per scenario.",
)
@click.option(
    "--memory",
    type=click.IntRange(0),
    metavar="MIB",
    default=MEMORY_MAX,
    show_default=True,
    help="End a search that would keep more than this.",
)
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True, help="The first seed."
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    metavar="N",
    default=STEPS_MAX,
    show_default=True,
    help="Steps after which an execution is cut off.",
)
@click.option(
    "--schedule",
    metavar="SCHEDULE",
    help="Run one scenario once and show its steps: run-to-completion, round-robin, random:SEED, "
    "choices (0,1,0), or a replay string as reports print it (rf1:...).",
)
@profile_options
@jobs_option
@width_option
@click.pass_context
def check(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    as_json: bool,
    budget: int,
    strategy: str,
    seconds: float | None,
    memory: int,
    seed: int,
    steps: int,
    schedule: str | None,
    profile: str,
    settings: tuple[str, ...],
    jobs: int,
    width: int | None,
) -> None:
    """Check the scenarios of FILEs, or those named, under many schedules.

    A FILE is Python with functions decorated by @ringfence.scenario, or one scenario as JSON (.json).

    Exit status: 0 nothing found, 1 findings, 2 unusable input or arguments, 130 interrupted.
    """
    request = _Request(
        profile=Profile.from_settings(profile, settings),
        as_json=as_json,
        budget=budget,
        seed=seed,
        steps=steps,
        jobs=jobs,
        strategy=strategy,
        time=seconds,
        memory=memory,
        columns=_columns(width),
    )
    if schedule is None:
        ctx.exit(_check_all(request, names))
    # A replay string says both itself.
    profile_given = _is_given(ctx, "profile") or _is_given(ctx, "settings")
    ctx.exit(
        _run(
            request,
            names,
            schedule,
            profile=request.profile if profile_given else None,
            steps=steps if _is_given(ctx, "steps") else None,
        )
    )


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in {None, ParameterSource.DEFAULT}


def _columns(wanted: int | None) -> int:
    return width(wanted)


def _check_all(request: _Request, names: tuple[str, ...]) -> int:
    from ringfence._cli.load import targets

    checked = found = refused = 0
    for target in targets(names):
        try:
            outcome, interrupted = _checked(request, target)
        except ArgumentError:
            # It is not the scenario's fault, and would be the same for the next one.
            raise
        except RingfenceError as error:
            click.echo(clean(str(error)), err=True)
            refused += 1
            continue
        _show(request, target_of(target), outcome, first=checked == 0)
        if interrupted:
            return 130
        checked += 1
        found += not outcome.ok
    if checked > 1 and not request.as_json:
        unusable = f"; {refused} could not be checked" if refused else ""
        write(f"\n{found} of {checked} scenarios have findings{unusable}\n")
    return 2 if refused else int(found > 0)


def _checked(request: _Request, item: Target | ScenarioError) -> tuple[Report, bool]:
    """What was found, and whether Ctrl-C ended it; the end of its time does not end the others."""
    target = target_of(item)
    target.build()
    bar = Bar(
        ["{task.description}", "{task.fields[phase]}: {task.completed} executions, {task.fields[more]}"],
        None,
        clean(target.name, 24),
    )

    start = monotonic()

    def show(progress: Progress) -> None:
        rate = progress.executions / max(monotonic() - start, 1e-3)
        share = f", {progress.share:.0%} of all" if progress.phase == "systematic" else ""
        more = f"{rate:,.0f}/s{share}, {progress.found} found"
        bar.show(progress.executions, phase=progress.phase, more=more)

    try:
        outcome = run_check(
            target.scenario,
            budget=request.budget,
            profile=request.profile,
            seed=request.seed,
            steps_max=request.steps,
            jobs=request.jobs,
            strategy=request.strategy,
            time=request.time,
            memory=request.memory,
            progress=show if bar_wanted() else None,
        )
    except CheckInterrupted as interrupted:
        return interrupted.report, True
    else:
        return outcome, False
    finally:
        bar.stop()


def _show(request: _Request, target: Target, checked: Report, *, first: bool) -> None:
    if request.as_json:
        write(line(target, checked.json()))
        return
    text = checked.text(request.columns, colour(), command=again(target))
    write(text + "\n" if first else f"\n{text}\n")


def _run(
    request: _Request, names: tuple[str, ...], schedule: str, *, profile: Profile | None, steps: int | None
) -> int:
    """``--schedule``: one execution, and what it breaks.

    Raises:
        ScenarioError: there is no scenario.
        click.UsageError: there are several.
    """
    target = only_target(names, "--schedule")
    execution = target.scenario.run(schedule, profile=profile, steps_max=steps)
    findings = execution.findings
    if request.as_json:
        write(line(target, execution.json()))
    else:
        write(report(target, execution, findings, request.columns))
    return int(bool(findings))
