"""Shared variables, completions, wait queues: ``include/linux/completion.h``, ``wait.h``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._values import Errno, Int, Value

if TYPE_CHECKING:
    from ringfence._scenario._objects import Cell, Completion, WaitQueue

__all__ = ["Waiting"]

Number = int | Int


class Waiting(Flow):
    """Calls on shared variables, and waiting for them."""

    # ---- numbers -------------------------------------------------------------------------------------------

    def choose(self, name: str, options: Number) -> Int:
        """A choice that the scenario leaves to whoever runs it.

        Args:
            name: what is chosen, as reports call it.
            options: how many possibilities there are, at least 1.

        Returns:
            A number from 0 to ``options - 1``; 0 is the most ordinary possibility.
        """
        return self._value(Int, "choose", name, options)

    def warn_on(self, condition: Value | int | None) -> None:
        """``WARN_ON()``: a finding if the condition is true."""
        self._do("warn_on", condition)

    def read_once(self, cell: Cell) -> Int:
        """``READ_ONCE()``; also ``atomic_read()``."""
        return self._value(Int, "read_once", cell)

    def write_once(self, cell: Cell, value: Number) -> None:
        """``WRITE_ONCE()``. Wakes nobody: whoever sleeps in ``wait_event()`` looks again after `wake_up`."""
        self._do("write_once", cell, value)

    def atomic_add_return(self, cell: Cell, value: Number) -> Int:
        """``atomic_add_return()``: adds, returns the new value. The variable comes first."""
        return self._value(Int, "atomic_add_return", cell, value)

    def cmpxchg(self, cell: Cell, old: Number, new: Number) -> Int:
        """``cmpxchg()``: writes the new value if the old one is there; returns what was there."""
        return self._value(Int, "cmpxchg", cell, old, new)

    # ---- struct completion ---------------------------------------------------------------------------------

    def wait_for_completion(self, completion: Completion) -> None:
        """``wait_for_completion()``."""
        self._do("wait_for_completion", completion)

    def wait_for_completion_timeout(self, completion: Completion, timeout: Number) -> Int:
        """``wait_for_completion_timeout()``.

        Args:
            completion: what is waited for.
            timeout: virtual nanoseconds.

        Returns:
            What was left of the timeout (at least 1), or 0.
        """
        return self._value(Int, "wait_for_completion_timeout", completion, timeout)

    def wait_for_completion_interruptible(self, completion: Completion) -> Errno:
        """``wait_for_completion_interruptible()``: 0, or -ERESTARTSYS."""
        return self._value(Errno, "wait_for_completion_interruptible", completion)

    def try_wait_for_completion(self, completion: Completion) -> Int:
        """``try_wait_for_completion()``: 1 if it was complete."""
        return self._value(Int, "try_wait_for_completion", completion)

    def complete(self, completion: Completion) -> None:
        """``complete()``: lets one through."""
        self._do("complete", completion)

    def complete_all(self, completion: Completion) -> None:
        """``complete_all()``: lets everybody through, from now on."""
        self._do("complete_all", completion)

    def reinit_completion(self, completion: Completion) -> None:
        """``reinit_completion()``."""
        self._do("reinit_completion", completion)

    # ---- wait_queue_head_t ---------------------------------------------------------------------------------

    def wait_event(self, queue: WaitQueue, cell: Cell, at_least: Number) -> None:
        """``wait_event()``: sleeps until ``cell >= at_least``; looks again when woken.

        Args:
            queue: what it sleeps on.
            cell: the shared variable in its condition.
            at_least: what the variable must reach.
        """
        self._do("wait_event", queue, cell, at_least)

    def wait_event_timeout(self, queue: WaitQueue, cell: Cell, at_least: Number, timeout: Number) -> Int:
        """``wait_event_timeout()``.

        Args:
            queue: what it sleeps on.
            cell: the shared variable in its condition.
            at_least: what the variable must reach.
            timeout: virtual nanoseconds.

        Returns:
            What was left of the timeout (at least 1), or 0.
        """
        return self._value(Int, "wait_event_timeout", queue, cell, at_least, timeout)

    def wait_event_interruptible(self, queue: WaitQueue, cell: Cell, at_least: Number) -> Errno:
        """``wait_event_interruptible()``: 0, or -ERESTARTSYS. See `wait_event`."""
        return self._value(Errno, "wait_event_interruptible", queue, cell, at_least)

    def wake_up(self, queue: WaitQueue) -> None:
        """``wake_up()``: wakes who sleeps on the queue."""
        self._do("wake_up", queue)
