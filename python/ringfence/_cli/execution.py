"""One execution on the command line: its steps, and what it breaks."""

from __future__ import annotations

import json
import shlex
import textwrap
from typing import TYPE_CHECKING

import click

from ringfence._cli.terminal import colour
from ringfence.errors import ScenarioError

if TYPE_CHECKING:
    from ringfence._cli.load import Target
    from ringfence._core import CheckFinding, Execution

__all__ = ["again", "line", "only_target", "report", "target_of"]


def target_of(target: Target | ScenarioError) -> Target:
    """Raises an error that stands in the place of a scenario.

    Raises:
        ScenarioError: it.
    """
    if isinstance(target, ScenarioError):
        raise target
    return target


def only_target(names: tuple[str, ...], what: str) -> Target:
    """The scenario that is named, built.

    Raises:
        ScenarioError: there is none, or it can't be built.
        click.UsageError: there are several.
    """
    from ringfence._cli.load import targets

    found = [target_of(target) for target in targets(names)]
    if len(found) != 1:
        message = f"{what} runs one scenario; name one of " + ", ".join(target.name for target in found)
        raise click.UsageError(message)
    [target] = found
    target.build()
    return target


def again(target: Target, *, contract: bool = False) -> str:
    """The command line that runs an execution of it again, but for the replay string.

    Args:
        target: the scenario.
        contract: with everything that the contract allows others.
    """
    return shlex.join(["ringfence", "replay", target.name, *(["--contract"] if contract else [])])


def line(target: Target, item: str) -> str:
    """An object as a line, with the scenario's name on the command line in front."""
    return f'{{"target":{json.dumps(target.name)},{item[1:]}\n'


def report(
    target: Target,
    execution: Execution,
    findings: list[CheckFinding],
    columns: int,
    *,
    contract: bool = False,
) -> str:
    """Its steps, how it compares with what was recorded, what it breaks, and how to have it again."""
    coloured = colour()
    blocks = [execution.text(columns, coloured)]
    if execution.remark is not None:
        blocks.append(textwrap.fill(execution.remark, columns, break_on_hyphens=False))
    blocks += [finding.text(columns, coloured, steps=False) for finding in findings]
    count = len(findings)
    found = f"{target.scenario.name}: {count or 'no'} finding{'' if count == 1 else 's'} in this execution"
    blocks.append(f"{found}\nAgain: {again(target, contract=contract)} {execution.schedule}\n")
    return "\n\n".join(blocks)
