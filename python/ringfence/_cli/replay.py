"""``ringfence replay``: a recorded execution again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ringfence._cli.execution import line, only_target, report
from ringfence._cli.options import width_option
from ringfence._cli.terminal import width as columns_of
from ringfence._cli.terminal import write
from ringfence._scenario._environment import contract as environment

if TYPE_CHECKING:
    from ringfence._scenario._scenario import Scenario

__all__ = ["replay"]

_CONTRACT = "This was recorded with everything that the contract allows others: add --contract."


@click.command(short_help="Run a recorded execution again.")
@click.argument("name", metavar="FILE[::NAME]")
@click.argument("string", metavar="rf1:...")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--step", "walk", is_flag=True, help="Walk through it, one step at a time, with the world.")
@click.option("--steps", type=click.IntRange(0), metavar="N", help="Only so many of the recorded steps.")
@click.option(
    "--then",
    metavar="SCHEDULE",
    help="What makes the choices behind --steps, or from where the recording does not fit any more: "
    "run-to-completion, round-robin, random:SEED or choices (0,1,0).",
)
@click.option(
    "--contract",
    is_flag=True,
    help="With everything that the contract allows others; a report whose finding needs that says so.",
)
@width_option
@click.pass_context
def replay(
    ctx: click.Context,
    *,
    name: str,
    string: str,
    as_json: bool,
    walk: bool,
    steps: int | None,
    then: str | None,
    contract: bool,
    width: int | None,
) -> None:
    """Run a recorded execution of a scenario again, from the replay string that a report ends with.

    The string says which kernel was modelled. A scenario that was edited since is replayed as far as it fits.

    Exit status: 0 nothing found in it, 1 findings, 2 unusable input or arguments, 130 interrupted.
    """
    if as_json and walk:
        message = "--step is for people; leave out --json"
        raise click.UsageError(message)
    target = only_target((name,), "replay")
    scenario = target.scenario.with_environment(environment()) if contract else target.scenario
    execution = scenario.replay(string, steps=steps, then=then)
    findings = execution.findings
    if as_json:
        write(line(target, execution.json()))
    elif walk:
        from ringfence._cli.step import walk_through

        walk_through(target, execution, findings, columns_of(width), contract=contract)
    else:
        write(report(target, execution, findings, columns_of(width), contract=contract))
    whole = steps is None and then is None
    if whole and not contract and execution.schedule != string and _needs_contract(scenario, string):
        click.echo(_CONTRACT, err=True)
    ctx.exit(int(bool(findings)))


def _needs_contract(scenario: Scenario, string: str) -> bool:
    """Whether what was recorded is what happens if others do whatever the contract allows them."""
    return scenario.with_environment(environment()).replay(string).schedule == string
