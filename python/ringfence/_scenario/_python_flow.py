"""Refuses Python's own ``return``, ``break`` and ``continue`` out of a recorded block.

A program is recorded by running its function once. ``with t.if_(c): return`` would leave the function then
and there, and what stands behind would be missing from the program, in silence.
"""

from __future__ import annotations

import ast
import linecache
from types import CodeType
from typing import TYPE_CHECKING

from ringfence._scenario._where import line_of
from ringfence.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["check_python_flow"]

_BLOCKS = frozenset(
    {
        *("if_", "elif_", "else_", "loop", "while_", "get_user_pages", "get_user_pages_fast"),
        *("dma_resv_for_each_fence", "dma_resv_for_each_fence_unlocked"),
        "drm_sched_for_each_pending_job",
    }
)
# Calls that can fail, which makes their blocks branches; the last ones only within an acquire context.
_CAN_FAIL = ("_trylock", "_interruptible", "_killable")
_CAN_FAIL_IN_CONTEXT = frozenset({"dma_resv_lock", "ww_mutex_lock"})
_WORDS = {ast.Return: "return", ast.Break: "break", ast.Continue: "continue"}

# Code that was looked at, by id; it is kept, so that no other gets its id.
_CHECKED: dict[int, CodeType] = {}


def check_python_flow(frame: FrameType) -> None:
    """Looks at the source of the function that runs, once for each function.

    Raises:
        ScenarioError: it leaves a recorded block by a Python statement.
    """
    code = frame.f_code
    if id(code) in _CHECKED:
        return
    for word, line in _exits(frame):
        instead = "t.return_(…)" if word == "return" else f"t.{word}_()"
        message = (
            f"a plain `{word}` inside a recorded block leaves the Python function while it is recorded, "
            f"and everything behind it would be missing: write {instead}"
        )
        raise ScenarioError(message, line_of(code.co_filename, line))
    _CHECKED[id(code)] = code


def _last_line(code: CodeType) -> int:
    ends = [end or 0 for _, end, _, _ in code.co_positions()]
    return max([*ends, *(_last_line(inner) for inner in code.co_consts if isinstance(inner, CodeType))])


def _exits(frame: FrameType) -> Iterator[tuple[str, int]]:
    """Statement and line of each Python statement that leaves a recorded block of this function."""
    code = frame.f_code
    if code.co_name.startswith("<"):
        return
    first, last = code.co_firstlineno, _last_line(code)
    lines = linecache.getlines(code.co_filename, frame.f_globals)[first - 1 : last]
    indented = lines[:1] != [] and lines[0][:1] in {" ", "\t"}
    try:
        tree = ast.parse("".join(["if True:\n", *lines] if indented else lines))
    except (SyntaxError, ValueError):
        return  # The file has changed, or it is no file: nothing to look at.
    offset = first - 1 - indented
    function = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if function is not None:
        for statement in function.body:
            yield from _leaving(statement, offset, in_block=False, in_loop=False)


def _leaving(node: ast.AST, offset: int, *, in_block: bool, in_loop: bool) -> Iterator[tuple[str, int]]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return
    if isinstance(node, (ast.Return, ast.Break, ast.Continue)):
        if in_block and (isinstance(node, ast.Return) or not in_loop):
            yield _WORDS[type(node)], node.lineno + offset
        return
    if isinstance(node, ast.With) and any(map(_is_block, node.items)):
        in_block, in_loop = True, False
    elif isinstance(node, (ast.For, ast.While)):
        in_loop = True
    for child in ast.iter_child_nodes(node):
        yield from _leaving(child, offset, in_block=in_block, in_loop=in_loop)


def _is_block(item: ast.withitem) -> bool:
    call = item.context_expr
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    name = call.func.attr
    in_context = len(call.args) + len(call.keywords) > 1
    return name in _BLOCKS or name.endswith(_CAN_FAIL) or (in_context and name in _CAN_FAIL_IN_CONTEXT)
