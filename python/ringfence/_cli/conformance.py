"""``ringfence conformance``: replays recordings of API calls on the model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ringfence._cli.agreement import Tally, agreement_line
from ringfence._cli.options import jobs_option, width_option
from ringfence._cli.progress import Batches
from ringfence._cli.terminal import clean, write
from ringfence._core import ConformanceRun

if TYPE_CHECKING:
    from ringfence._core import ReplayedCalls

__all__ = ["conformance"]


@click.command(short_help="Replay recorded API calls on the model.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Each recording again, with what the model did.")
@click.option("--check", is_flag=True, help="Show where the model did something else than was recorded.")
@jobs_option
@width_option
@click.pass_context
def conformance(
    ctx: click.Context, files: tuple[str, ...], *, as_json: bool, check: bool, jobs: int, width: int | None
) -> None:
    """Replay recordings of API calls of a real kernel on the model.

    FILEs hold one recording per line, as JSON: calls of the dma-buf API, threads that contend for
    ww_mutexes, or the DRM scheduler at work. Plain, or compressed with xz, gzip or zstd. `-` is standard
    input. Without further options, a table of agreement comes out. --json writes each recording with the
    model's results in place of the recorded ones.

    Exit status: 0 fine, 1 disagreement, 2 unusable input or arguments, 130 interrupted.
    """
    inputs = tuple(None if file == "-" else file for file in files)
    run = ConformanceRun(inputs, compare=check or not as_json, answer=as_json, jobs=jobs)
    if as_json:
        ctx.exit(_json(run, check=check))
    ctx.exit(_table(run, width, check=check))


def _json(run: ConformanceRun, *, check: bool) -> int:
    recorded = agreeing = 0
    with Batches(run, noun="recordings", bar=not sys.stdout.isatty()) as batches:
        for batch in batches:
            write(batch.json_lines(check=check))
            _, _, more, agree = batch.counts()
            recorded, agreeing = recorded + more, agreeing + agree
    if batches.interrupted:
        click.echo(batches.how_far, err=True)
    if not check:
        return batches.status(problems=False)
    click.echo(agreement_line(agreeing, recorded, batches.count, "result"), err=True)
    return batches.status(agreeing < recorded) or (2 if recorded == 0 else 0)


def _table(run: ConformanceRun, width: int | None, *, check: bool) -> int:
    tally: Tally[ReplayedCalls] = Tally()
    calls = 0
    with Batches(run, noun="recordings") as batches:
        for batch in batches:
            items = batch.items
            tally.add(items, [item.calls for item in items])
            calls += batch.counts()[1]
    if tally.total:
        write(tally.table(width, "calls"))
    if check:
        for recording in tally.disagreements:
            write(_disagreement(recording))
        if tally.more > 0:
            write(f"… and {tally.more} more\n")
    if batches.interrupted:
        write(f"{batches.how_far}\n")
    counted = "" if check else f" in {calls} calls"
    write(f"{agreement_line(tally.agreeing, tally.recorded, batches.count, 'result')}{counted}\n")
    if not check and tally.disagreements:
        write("the first disagreements: ringfence conformance --check FILE\n")
    if check and tally.recorded == 0 and batches.count:
        click.echo("no recording says what the kernel did; there is nothing to compare with", err=True)
    nothing = 2 if check and tally.recorded == 0 else 0
    return batches.status(tally.agreeing < tally.recorded) or nothing


def _disagreement(recording: ReplayedCalls) -> str:
    place = f"{clean(recording.file)}:{recording.line}: {clean(recording.id, 60)}"
    if recording.difference is None:
        message = "engine bug: a recording disagrees without a difference"
        raise AssertionError(message)
    step, call, expected, got = recording.difference
    return (
        f"{place}: call {step}, {clean(call, 160)}: recorded {clean(expected, 160)}, got {clean(got, 160)}\n"
    )
