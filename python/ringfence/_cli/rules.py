"""``ringfence rules`` and ``ringfence explain``: what can be found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from ringfence._cli.options import width_option
from ringfence._cli.terminal import clean, colour, did_you_mean, render, write
from ringfence._core import rules as all_rules
from ringfence.errors import UnknownRuleError

if TYPE_CHECKING:
    from ringfence._core import Rule

__all__ = ["explain", "rules"]

_TRACE = re.compile(r"^```json\n(.*)\n```$", re.MULTILINE)


@click.command(short_help="List all rules.")
@width_option
def rules(width: int | None) -> None:
    """List all rules, each with its code, its name and one sentence."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for rule in all_rules():
        table.add_row(rule.code, rule.name)
        table.add_row("", rule.summary, style="dim")
    write(render(table, columns=width))


@click.command(short_help="Print the page of a rule.")
@click.argument("names", metavar="RULE...", nargs=-1, required=True)
@width_option
def explain(names: tuple[str, ...], width: int | None) -> None:
    """Print the pages of rules, given by code (RF601) or name (circular-dependency).

    On a terminal a page is laid out; elsewhere it is Markdown.
    """
    pages = [_rule(name).markdown for name in names]
    if not colour() and width is None:
        write("\n".join(pages))
        return
    from rich.markdown import Markdown

    pages = [_TRACE.sub(_steps, page) for page in pages]
    write(render(*(Markdown(page, code_theme="ansi_dark") for page in pages), columns=width))


def _steps(block: re.Match[str]) -> str:
    """A trace as steps for people, one per line."""
    trace = json.loads(block[1])
    verdict = trace["verdict"]
    lines = ["task 0"]
    for index, (name, *arguments) in enumerate(trace["ops"]):
        if name == "task":
            lines.append(f"task {arguments[0]}")
            continue
        words = [argument if isinstance(argument, str) else _options(argument) for argument in arguments]
        mark = f"  <- {verdict['kind']}" if verdict and verdict["at"] == index else ""
        lines.append(f"  {' '.join([name, *words])}{mark}")
    return "\n".join(["```text", *lines, "```"])


def _options(options: dict[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in options.items())


def _rule(name: str) -> Rule:
    known = {key: rule for rule in all_rules() for key in (rule.code.lower(), rule.name)}
    rule = known.get(name.lower())
    if rule is None:
        names = [key for rule in all_rules() for key in (rule.code, rule.name)]
        hint = did_you_mean(name.upper(), names) or did_you_mean(name.lower(), names)
        message = f"no rule has the code or name {clean(name, 60)!r}.{hint} `ringfence rules` lists them."
        raise UnknownRuleError(message)
    return rule
