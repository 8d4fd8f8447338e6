"""``ringfence replay --step``: one step at a time, with the world."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import click

from ringfence._cli.execution import again
from ringfence._cli.terminal import clean, colour, did_you_mean, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence._cli.load import Target
    from ringfence._core import CheckFinding, Execution, HeldLock, ThreadState

__all__ = ["walk_through"]

HELP = """\
enter, n  the next step
p         the step before
NUMBER    to this step
w         the whole world: contexts, fences, cells
q         leave
?         this
"""
KEYS = ("n", "p", "w", "q", "?")
SUMMARY = "enter: next, p: back, NUMBER: go there, w: world, q: quit, ?: help"
NARROW = 24
"""Columns below which a line is not indented."""


def walk_through(
    target: Target,
    execution: Execution,
    findings: list[CheckFinding],
    columns: int,
    *,
    contract: bool = False,
) -> None:
    """Shows what is asked for, until it is enough: ``q``, the end of the input, or Ctrl-C."""
    walk = _Walk(execution, findings, columns)
    write(walk.beginning(target))
    for command in _commands():
        if command == "q":
            break
        write(walk.answer(command))
    write(f"Again: {again(target, contract=contract)} {execution.schedule}\n")


def _commands() -> Iterator[str]:
    """Lines of standard input; a person is asked for them."""
    asks = sys.stdin.isatty()
    while True:
        if asks:
            write("> ")
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            write("\n" if asks else "")
            raise
        if not line:
            write("\n" if asks else "")
            return
        yield line.strip()


class _Walk:
    """An execution, and where in it we are."""

    def __init__(self, execution: Execution, findings: list[CheckFinding], columns: int) -> None:
        self._execution = execution
        self._findings = findings
        self._steps = execution.steps
        self._columns = columns
        self._coloured = colour()
        self._taken = 0

    def beginning(self, target: Target) -> str:
        """What there is to see, and how."""
        lines = [f"{target.scenario.name}: {len(self._steps)} steps, {self._ends()}"]
        if self._execution.remark is not None:
            lines.append(self._execution.remark)
        return "".join(self._wrapped(line) for line in [*lines, SUMMARY])

    def answer(self, command: str) -> str:
        """What a command shows."""
        if command == "?":
            return HELP
        if command == "w":
            return self._world()
        if command in {"", "n"}:
            return self._go(self._taken + 1)
        if command == "p":
            return self._go(self._taken - 1)
        if command.isascii() and command.isdigit():
            return self._go(int(command[:20]) + 1)
        return self._wrapped(f"no command {clean(command, 40)!r}.{did_you_mean(command, KEYS)} {SUMMARY}")

    def _go(self, taken: int) -> str:
        if taken > len(self._steps):
            return self._wrapped(f"there is no step {taken - 1}: {self._ends()}")
        if taken < 0:
            return self._wrapped("this is the beginning: nothing has happened yet")
        self._taken = taken
        return self._step() + self._who()

    def _step(self) -> str:
        """The step that has just been taken."""
        if self._taken == 0:
            return self._wrapped("at the beginning")
        step = self._steps[self._taken - 1]
        what = ", ".join(step.what) or "goes on"
        at = f" at {step.location}" if step.location else ""
        text = self._wrapped(
            f"step {step.number} of {len(self._steps)}: {self._name(step.context)} {clean(what)}{clean(at)}"
        )
        if self._taken == len(self._steps):
            text += self._wrapped(self._ends())
            for finding in self._findings:
                text += self._wrapped(f"{finding.rule} {finding.verdict}: {clean(finding.summary)}")
        return text

    def _who(self) -> str:
        """Who holds what, and who waits for what."""
        threads = self._execution.at(self._taken).threads
        concerned = [thread for thread in threads if thread.held or thread.waits_for or thread.in_section]
        return "".join(self._wrapped(_doing(thread, self._name(thread.name)), 2) for thread in concerned)

    def _world(self) -> str:
        """Everything there is at this moment."""
        world = self._execution.at(self._taken)
        lines = [f"after {self._taken} of {len(self._steps)} steps, at {world.now} ns:"]
        text = "".join(self._wrapped(line) for line in lines)
        for thread in world.threads:
            at = f", at {thread.location}" if thread.location and thread.state != "done" else ""
            line = f"{_doing(thread, self._name(thread.name), state=True)}{clean(at)}"
            text += self._wrapped(line, 2)
        for fence in world.fences:
            error = f", error {fence.error}" if fence.error else ""
            published = ", published" if fence.published else ""
            text += self._wrapped(f"dma_fence {clean(fence.name)}: {fence.state}{error}{published}", 2)
        for name, value in world.cells.items():
            text += self._wrapped(f"{clean(name)} = {value}", 2)
        return text

    def _ends(self) -> str:
        ends = {
            "finished": "finished: everything has returned",
            "hung": "hung: nothing can happen any more, and somebody still waits",
            "bound": "cut off there",
        }
        return ends[self._execution.end]

    def _name(self, name: str) -> str:
        return click.style(clean(name, 60), bold=True) if self._coloured else clean(name, 60)

    def _wrapped(self, text: str, indent: int = 0) -> str:
        margin = " " * (indent if self._columns >= NARROW else 0)
        lines = textwrap.wrap(
            text,
            max(self._columns, 10),
            initial_indent=margin,
            subsequent_indent=margin + "  " * (self._columns >= NARROW),
            break_on_hyphens=False,
        )
        return "".join(f"{line}\n" for line in lines)


def _doing(thread: ThreadState, name: str, *, state: bool = False) -> str:
    """What a context holds and waits for; with its state, what it is inside of, too."""
    parts = []
    if thread.waits_for is not None:
        parts.append(f"waits for {thread.waits_for}")
    elif state:
        parts.append(thread.state)
    if thread.held:
        parts.append("holds " + ", ".join(_held(held) for held in thread.held))
    if thread.in_section:
        parts.append("in a signalling section")
    if thread.inside and state:
        parts.append("inside " + " > ".join(thread.inside))
    return f"{name}: {clean('; '.join(parts), 1000)}"


def _held(held: HeldLock) -> str:
    mode = ", for reading" if held.shared else ""
    return f"{held.lock} ({held.location}{mode})" if held.location else f"{held.lock}{mode}"
