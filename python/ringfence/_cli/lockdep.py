"""``ringfence lockdep``: decides recorded traces."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ringfence._cli.options import jobs_option, profile_options, width_option
from ringfence._cli.progress import Batches
from ringfence._cli.terminal import write
from ringfence._core import Profile, Run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Request", "lockdep"]


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        files: paths, or None for standard input.
        profile: which kernel.
        search: ``exact``, ``kernel`` or None for the default of the output.
        go_on: go on after a trace's first report.
        jobs: threads, 0 for one per core.
        width: columns of text, or None for the terminal's.
    """

    files: tuple[str | None, ...]
    profile: Profile
    search: str | None
    go_on: bool
    jobs: int
    width: int | None

    def run(self, *, search: str, describe: bool, only: str | None = None) -> Run:
        """Starts the engine on it; ``search`` unless another one was asked for."""
        return Run(
            self.files,
            self.profile,
            search=self.search or search,
            go_on=self.go_on,
            describe=describe,
            only=only,
            jobs=self.jobs,
        )


@click.command(short_help="Decide recorded lock traces.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per trace, in input order.")
@click.option("--check", is_flag=True, help="Compare with the verdicts in the files.")
@click.option("--explain", metavar="ID", help="The full report on one trace.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "splat", "json"]),
    help="How --explain reports: for people (text, the default), as the kernel log does, or as JSON.",
)
@click.option("--all", "go_on", is_flag=True, help="Go on after a trace's first report.")
@click.option(
    "--search",
    type=click.Choice(["kernel", "exact"]),
    help="kernel: the verdicts of Linux 6.12, shortcuts included (the default of --json and --check). "
    "exact: also what those shortcuts hide (the default otherwise).",
)
@profile_options
@jobs_option
@width_option
@click.pass_context
def lockdep(  # noqa: PLR0917 - click passes them by name
    ctx: click.Context,
    files: tuple[str, ...],
    as_json: bool,
    check: bool,
    explain: str | None,
    form: str | None,
    go_on: bool,
    search: str | None,
    profile: str,
    settings: tuple[str, ...],
    jobs: int,
    width: int | None,
) -> None:
    """Decide recorded lock traces as the kernel's lockdep does.

    FILEs hold one trace per line, as JSON; plain, or compressed with xz, gzip or zstd. `-` is standard input.
    Without further options, a table of findings comes out.

    Exit status: 0 nothing found (--check: all agree), 1 findings (--check: disagreement), 2 unusable input or
    arguments, 130 interrupted.
    """
    if explain is not None and (as_json or check):
        message = "--explain goes with neither --json nor --check; for JSON use --explain ID --format json"
        raise click.UsageError(message)
    if form is not None and explain is None:
        message = "--format says how --explain reports; give --explain ID too, or --json for all traces"
        raise click.UsageError(message)
    request = Request(
        files=tuple(None if file == "-" else file for file in files),
        profile=Profile.from_settings(profile, settings),
        search=search,
        go_on=go_on,
        jobs=jobs,
        width=width,
    )
    ctx.exit(_command(request, as_json=as_json, check=check, explain=explain, form=form or "text")())


def _command(
    request: Request, *, as_json: bool, check: bool, explain: str | None, form: str
) -> Callable[[], int]:
    """What to do; modules for tables and reports are only loaded where they are needed."""
    if as_json:
        return lambda: _json(request, check=check)
    if check:
        from ringfence._cli.agreement import compare_traces

        return lambda: compare_traces(request)
    if explain is not None:
        from ringfence._cli.explain import explain as run_explain

        return lambda: run_explain(request, explain, form)
    from ringfence._cli.summary import summary

    return lambda: summary(request)


def _json(request: Request, *, check: bool) -> int:
    """``--json``, with ``--check`` also the recorded verdicts and whether they agree."""
    found = recorded = agreeing = 0
    run = request.run(search="kernel", describe=request.go_on)
    with Batches(run, bar=not sys.stdout.isatty()) as batches:
        for batch in batches:
            write(batch.json_lines(findings=request.go_on, check=check))
            _, *counts = batch.counts()
            found, recorded, agreeing = (
                a + b for a, b in zip((found, recorded, agreeing), counts, strict=True)
            )
    if batches.interrupted:
        click.echo(batches.how_far, err=True)
    if not check:
        return batches.status(found > 0)
    from ringfence._cli.agreement import agreement_line

    click.echo(agreement_line(agreeing, recorded, batches.count, "verdict"), err=True)
    return batches.status(agreeing < recorded) or (2 if recorded == 0 else 0)
