"""What messages say about values, kinds and misspelt names."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from ringfence._scenario._pointers import Pointer
from ringfence._scenario._table import NUMBERS
from ringfence._scenario._values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ringfence._scenario._table import Parameter, Spec

__all__ = ["closest", "described", "wrong_argument"]

_MADE_BY = {
    "cookie": "what the call it belongs to returned",
    "dma_fence": "a dma_fence (k.dma_fence(), t.dma_fence_init(), …)",
    "dma_resv_iter": "a cursor (t.dma_resv_iter_begin())",
    "drm_gpu_scheduler": "a drm_gpu_scheduler (k.drm_sched())",
    "drm_sched_job": "a drm_sched_job (t.drm_sched_job(), t.drm_sched_job_alloc())",
    "drm_syncobj": "a drm_syncobj (k.syncobj())",
    "gfp": "a gfp mask (rf.GFP_KERNEL, …)",
    "memory": "memory (t.kmalloc())",
    "ns": "virtual nanoseconds (rf.ms(5), rf.us(5), …)",
    "sync_file": "a sync_file (t.sync_file_create())",
    "task": "a task (k.thread())",
    "usage": "a usage (rf.WRITE, rf.READ, …)",
    "wait_queue_head": "a wait queue (k.wait_queue())",
    "ww_acquire_ctx": "a ww_acquire_ctx (t.ww_acquire_init())",
}


def described(value: Any) -> str:
    """A value, as the object of a sentence."""
    if value is None:
        return "None (NULL)"
    if isinstance(value, Pointer) and value._declared is not None:
        return f"the {value.KIND} `{value._declared.name}`"
    if isinstance(value, Value):
        return repr(value)
    if callable(value):
        return f"the function {getattr(value, '__name__', value)!r}"
    return f"the {type(value).__name__} {value!r}"


def closest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most like this one, if any is like it."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return found[0] if found else None


def _expected(parameter: Parameter) -> str:
    if parameter.text:
        return "a text"
    if parameter.asked > NUMBERS:
        words = "a number, an object or None"
    elif parameter.number:
        words = " or ".join(_MADE_BY.get(kind, "a number") for kind in parameter.asked)
    else:
        kinds = sorted(parameter.asked)
        words = " or ".join(_MADE_BY.get(kind, f"a {kind} (k.{kind}())") for kind in kinds)
    return f"a list, of {words} each" if parameter.many else words


def _better(name: str, value: object, operations: Mapping[str, Spec]) -> str | None:
    """The operation most like this one that does take the value."""
    if not isinstance(value, Value):
        return None
    takes = [
        spec.name
        for spec in operations.values()
        if spec.parameters and value.KIND in spec.parameters[0].kinds and len(spec.parameters[0].kinds) < 10
    ]
    return closest(name, takes, cutoff=0.5)


def wrong_argument(name: str, parameter: Parameter, value: object, operations: Mapping[str, Spec]) -> str:
    """The message for an argument that will not do."""
    message = f"t.{name}({parameter.name}=…) takes {_expected(parameter)}, not {described(value)}"
    if isinstance(value, float) and parameter.number:
        return f"{message}; times are whole nanoseconds, from rf.ns(), rf.us(), rf.ms() and rf.s()"
    if isinstance(value, str) and parameter.gfp:
        return f"{message}; import the mask from ringfence, or write rf.Gfp({value!r})"
    better = _better(name, value, operations)
    return f"{message}; for that there is t.{better}()" if better else message
