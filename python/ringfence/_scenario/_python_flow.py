"""Refuses Python's own ``return``, ``break`` and ``continue`` out of a recorded block.

A program is recorded by running its function once. ``with t.if_(c): return`` would leave the function then
and there, and what stands behind would be missing from the program, in silence.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

from ringfence._scenario._where import line_of
from ringfence.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

__all__ = ["check_python_flow"]

_BLOCKS = frozenset(
    {
        *("if_", "elif_", "else_", "loop", "while_", "get_user_pages", "get_user_pages_fast"),
        *("dma_resv_for_each_fence", "dma_resv_for_each_fence_unlocked"),
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
    for word, line in _exits(code):
        instead = "t.return_(…)" if word == "return" else f"t.{word}_()"
        message = (
            f"a plain `{word}` inside a recorded block leaves the Python function while it is recorded, "
            f"and everything behind it would be missing: write {instead}"
        )
        raise ScenarioError(message, line_of(code.co_filename, line))
    _CHECKED[id(code)] = code


def _exits(code: CodeType) -> Iterator[tuple[str, int]]:
    """Statement and line of each Python statement that leaves a recorded block of this function."""
    if code.co_name.startswith("<"):
        return
    try:
        source = inspect.getsource(code)
        indented = source[:1] in (" ", "\t")
        tree = ast.parse(f"if True:\n{source}" if indented else source)
    except (OSError, SyntaxError, ValueError):
        return  # No source, as in a shell: nothing to look at.
    offset = code.co_firstlineno - 1 - indented
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
