"""Kernel objects with functions: works, timers, interrupts, shrinkers, notifiers, fence ops, threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from ringfence._scenario._objects import DmaFence
from ringfence._scenario._pointers import Declared, Pointer
from ringfence._scenario._values import Argument, Int, Nanos, Seqno, Value
from ringfence._scenario._where import mistake

if TYPE_CHECKING:
    from ringfence._scenario._recorder import Recorder

__all__ = [
    "DelayedWork",
    "DmaFenceCb",
    "DmaFenceOps",
    "Function",
    "IntervalNotifier",
    "Irq",
    "IrqWork",
    "KthreadWork",
    "MmuNotifier",
    "RcuHead",
    "Shrinker",
    "Signature",
    "Task",
    "Tasklet",
    "Timer",
    "WithFunctions",
    "Work",
]

Function = Callable[..., Any]
"""A handler: takes the `Recorder` and what the kernel hands it; records what it does."""


class Signature(NamedTuple):
    """What the kernel hands to a handler, and what it expects back.

    Attributes:
        parameters: name and type of each argument behind ``t``.
        result: kind of what it returns.
        default: what it returns at its end if it returns something elsewhere; None: it must return something.
        required: the object makes no sense without it.
        may_return: kind of what it returns, if it returns something at all. For ``dma_fence`` and
            ``dma_fence_or_err`` the program's result is the narrowest kind that covers what it returns.
    """

    parameters: tuple[tuple[str, type[Value]], ...] = ()
    result: str | None = None
    default: int | None = None
    required: bool = True
    may_return: str | None = None


_VOID = Signature()
_FENCE = (("fence", DmaFence),)


class WithFunctions(Pointer):
    """An object with functions. They can be given later, once each, and must be where they are required.

    Attributes:
        FUNCTIONS: each function's name in the scenario, with its signature.
        METHODS: the method that each is of the driver which declares the object, unless it is given.
    """

    __slots__ = ("_entry", "_usual")
    FUNCTIONS: ClassVar[dict[str, Signature]] = {"function": _VOID}
    METHODS: ClassVar[dict[str, str]] = {}
    _entry: dict[str, Any]
    # Its functions that are the usual ones.
    _usual: set[str]

    def _misses(self, name: str) -> bool:
        """Whether it would take this function from its driver."""
        return self._entry[name] is None

    def _give(self, name: str, function: Function | None, site: int | None = None) -> Self:
        """Sets one of the functions; `site`: the place that stands for all of one that is not the user's."""
        declared = self._declared
        if declared is None or function is None:
            message = f"{self!r} is a variable: functions are given to declared objects"
            raise mistake(message)
        if self._entry[name] is not None:
            message = f"{self!r} has its {name} already"
            raise mistake(message)
        self._entry[name] = declared.kernel._program(
            function, self.FUNCTIONS[name], f"{name} of {self.KIND} `{declared.name}`", declared.driver, site
        )
        return self


class _WithFunction(WithFunctions):
    __slots__ = ()

    def __call__(self, function: Function) -> Self:
        """Gives it its function, as a decorator does."""
        return self._give("function", function)


class Work(_WithFunction):
    """``struct work_struct``; runs in process context on a workqueue."""

    __slots__ = ()
    KIND = "work"


class DelayedWork(_WithFunction):
    """``struct delayed_work``; runs in process context on a workqueue, after a delay."""

    __slots__ = ()
    KIND = "delayed_work"


class KthreadWork(_WithFunction):
    """``struct kthread_work``; runs in process context on its worker."""

    __slots__ = ()
    KIND = "kthread_work"


class Timer(_WithFunction):
    """``struct timer_list``; runs in softirq context, or with interrupts off if irqsafe."""

    __slots__ = ()
    KIND = "timer"


class Tasklet(_WithFunction):
    """``struct tasklet_struct``; runs in softirq context."""

    __slots__ = ()
    KIND = "tasklet"


class IrqWork(_WithFunction):
    """``struct irq_work``; runs in hard irq context."""

    __slots__ = ()
    KIND = "irq_work"


class RcuHead(_WithFunction):
    """``struct rcu_head`` with its callback; runs in softirq context after a grace period."""

    __slots__ = ()
    KIND = "rcu_head"


class DmaFenceCb(_WithFunction):
    """``struct dma_fence_cb``; its function takes the fence, runs with the fence lock held and irqs off."""

    __slots__ = ()
    KIND = "dma_fence_cb"
    FUNCTIONS: ClassVar = {"function": Signature(_FENCE)}


class Irq(WithFunctions):
    """An interrupt line with its handler and, if it has one, its threaded handler."""

    __slots__ = ()
    KIND = "irq"
    FUNCTIONS: ClassVar = {
        "handler": Signature(default=0, required=False, may_return="int"),
        "thread": Signature(default=0, required=False, may_return="int"),
    }
    METHODS: ClassVar = {"handler": "irq"}

    def _misses(self, name: str) -> bool:
        """One with a threaded handler needs no other."""
        return super()._misses(name) and self._entry["thread"] is None

    def __call__(self, function: Function) -> Self:
        """Gives it its hard irq handler, as a decorator does."""
        return self._give("handler", function)

    handler = __call__

    def thread(self, function: Function) -> Self:
        """Gives it its threaded handler; it runs when the handler returned IRQ_WAKE_THREAD."""
        return self._give("thread", function)


class Shrinker(WithFunctions):
    """``struct shrinker``."""

    __slots__ = ()
    KIND = "shrinker"
    FUNCTIONS: ClassVar = {
        "count": Signature(result="int"),
        "scan": Signature((("nr_to_scan", Int),), result="int"),
    }
    METHODS: ClassVar = {"count": "count_objects", "scan": "scan_objects"}

    def count(self, function: Function) -> Self:
        """Gives it ``count_objects``: returns how many objects it could free."""
        return self._give("count", function)

    def scan(self, function: Function) -> Self:
        """Gives it ``scan_objects``: takes how many to look at, returns how many it freed or SHRINK_STOP."""
        return self._give("scan", function)


class MmuNotifier(WithFunctions):
    """``struct mmu_notifier``."""

    __slots__ = ()
    KIND = "mmu_notifier"
    FUNCTIONS: ClassVar = {
        "invalidate": Signature((("blockable", Int),), result="errno", required=False),
        "release": Signature(required=False),
    }
    METHODS: ClassVar = {"invalidate": "invalidate"}

    def _misses(self, name: str) -> bool:
        """One that is told of the end of the address space need not be told of anything else."""
        return super()._misses(name) and self._entry["release"] is None

    def invalidate(self, function: Function) -> Self:
        """Gives it ``invalidate_range_start``: takes ``blockable``, returns 0 or, if that is 0, -EAGAIN."""
        return self._give("invalidate", function)

    def release(self, function: Function) -> Self:
        """Gives it ``release``: the address space goes away."""
        return self._give("release", function)


class IntervalNotifier(WithFunctions):
    """``struct mmu_interval_notifier``."""

    __slots__ = ()
    KIND = "mmu_interval_notifier"
    FUNCTIONS: ClassVar = {"invalidate": Signature((("blockable", Int), ("seq", Seqno)), result="int")}
    METHODS: ClassVar = {"invalidate": "invalidate"}

    def __call__(self, function: Function) -> Self:
        """Gives it ``invalidate``: takes ``blockable`` and ``seq``, returns 1, or 0 if not blockable."""
        return self._give("invalidate", function)

    invalidate = __call__


class DmaFenceOps(WithFunctions):
    """``struct dma_fence_ops``; every function takes the fence."""

    __slots__ = ()
    KIND = "dma_fence_ops"
    FUNCTIONS: ClassVar = {
        "enable_signaling": Signature(_FENCE, result="int", required=False),
        "signaled": Signature(_FENCE, result="int", required=False),
        "wait": Signature(_FENCE, result="int", required=False),
        "release": Signature(_FENCE, required=False),
        "set_deadline": Signature((*_FENCE, ("deadline", Nanos)), required=False),
    }

    def enable_signaling(self, function: Function) -> Self:
        """Gives it ``enable_signaling``: with the fence lock held; returns 0 if the fence is done already."""
        return self._give("enable_signaling", function)

    def signaled(self, function: Function) -> Self:
        """Gives it ``signaled``: polls; returns 1 if the fence is done."""
        return self._give("signaled", function)

    def wait(self, function: Function) -> Self:
        """Gives it ``wait``: replaces the default wait; returns as dma_fence_wait_timeout() does."""
        return self._give("wait", function)

    def release(self, function: Function) -> Self:
        """Gives it ``release``: runs instead of the default release."""
        return self._give("release", function)

    def set_deadline(self, function: Function) -> Self:
        """Gives it ``set_deadline``: takes the deadline in virtual nanoseconds too."""
        return self._give("set_deadline", function)


class Task(WithFunctions):
    """A thread, as an object to stop or to signal (``struct task_struct``)."""

    __slots__ = ("_thread",)
    KIND = "task"
    FUNCTIONS: ClassVar = {"program": Signature(default=0, may_return="errno")}
    _thread: int

    @classmethod
    def _declare_thread(cls, declared: Declared, thread: int, entry: dict[str, Any]) -> Self:
        self = cls._declare(declared, None)
        self._thread, self._entry = thread, entry
        return self

    def _use(self, recorder: Recorder) -> Argument:
        declared = self._declared
        if declared is not None and self._argument is None:
            self._argument = declared.kernel._task(declared, self._thread)
        return super()._use(recorder)

    def __call__(self, function: Function) -> Self:
        """Gives it what it runs, as a decorator does."""
        return self._give("program", function)
