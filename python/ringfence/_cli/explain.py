"""``ringfence lockdep --explain``: the full report on one trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ringfence._cli.progress import Batches
from ringfence._cli.terminal import clean, colour, did_you_mean, width, write

if TYPE_CHECKING:
    from ringfence._cli.lockdep import Request
    from ringfence._core import Finding, Replayed

__all__ = ["explain"]


def explain(request: Request, wanted: str, form: str) -> int:
    """Reports on the traces of this id, one per file at most.

    Raises:
        click.BadParameter: there is none.
    """
    traces: list[Replayed] = []
    run = request.run(search="exact", describe=True, only=wanted)
    with Batches(run, count=False) as batches:
        for batch in batches:
            traces += batch.items
    for index, trace in enumerate(traces):
        write("\n" * (index > 0) + _report(trace, form, width(request.width)))
    if batches.interrupted:
        click.echo(batches.how_far, err=True)
    elif not traces:
        raise click.BadParameter(_unknown(request, wanted), param_hint="'--explain'")
    return batches.status(any(trace.findings for trace in traces))


def _report(trace: Replayed, form: str, columns: int) -> str:
    if form == "json":
        return "".join(f"{finding.json()}\n" for finding in trace.findings)
    reports = [_finding(finding, form, columns) for finding in trace.findings]
    if form == "splat":
        return "\n".join(reports)
    recorded = ""
    if trace.recorded:
        recorded = f"; recorded: {trace.expected or 'nothing'}"
    found = "" if reports else "nothing to report, "
    head = (
        f"{clean(trace.file)}:{trace.line}: {clean(trace.id, 60)}: {found}{trace.ops} operations{recorded}\n"
    )
    return "\n".join([head, *reports])


def _finding(finding: Finding, form: str, columns: int) -> str:
    text = finding.splat() if form == "splat" else finding.text(columns, colour())
    return f"{text}\n"


def _unknown(request: Request, wanted: str) -> str:
    """Says which ids are close; standard input can't be read a second time."""
    message = f"no trace has the id {clean(wanted, 60)!r}."
    if None in request.files:
        return message
    ids: list[str] = []
    run = request.run(search="kernel", describe=False)
    while (batch := run.next_batch()) is not None:
        ids += [trace.id for trace in batch.items]
    return message + clean(did_you_mean(wanted, ids))
