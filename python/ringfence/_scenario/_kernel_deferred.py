"""Declaring what runs later: works, timers, interrupts, threads."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ringfence._scenario._checks import checked_name, checked_number
from ringfence._scenario._handled import (
    DelayedWork,
    Function,
    Irq,
    IrqWork,
    KthreadWork,
    RcuHead,
    Task,
    Tasklet,
    Timer,
    Work,
)
from ringfence._scenario._kernel_base import KernelBase
from ringfence._scenario._objects import KthreadWorker, Mm, Workqueue
from ringfence._scenario._pointers import Declared

if TYPE_CHECKING:
    from ringfence._scenario._kernel_base import Entry

__all__ = ["KernelDeferred"]


class KernelDeferred(KernelBase):
    """The part of a `Kernel` that declares what runs, now or later.

    A function takes the `Recorder`, ``t``, and what the kernel hands it. It is given when the object is
    declared, ``k.work("w", self.work_fn)``, or by a decorator, ``@k.work("w")`` above it or ``@w`` later; the
    name it decorates then stands for the object. It is called when everything is declared, and once only.
    """

    def thread(self, name: str, function: Function | None = None, *, mm: Mm | None = None) -> Task:
        """A thread that runs from the start: ``@k.thread("client")`` above ``def client(t)``.

        Args:
            name: its name (``comm``).
            function: what it runs, taking ``t``; may return a number.
            mm: its memory, if it belongs to a process: what its page faults and direct reclaim work on.

        Returns:
            The thread as an object, for ``t.kthread_stop()`` and ``t.send_sig()``.

        Raises:
            ScenarioError: the mm is none of this scenario.
        """
        return self._thread(name, function, self._optional("k.thread(mm=…)", mm, Mm))

    def kthread(self, name: str, function: Function | None = None) -> Task:
        """``kthread_run()``: a thread of the kernel; it has no mm.

        Args:
            name: its name (``comm``).
            function: what it runs, taking ``t``; may return a number.

        Returns:
            The thread as an object, for ``t.kthread_stop()`` and ``t.send_sig()``.
        """
        return self._thread(name, function, None)

    def _thread(self, name: str, function: Function | None, mm: int | None) -> Task:
        checked_name("a thread", name)
        site = self._site(sys._getframe(1))
        entry: Entry = {"name": name, "program": None, "mm": mm, "at": site}
        self._threads.append(entry)
        task = Task._declare_thread(
            Declared(self._self, name, site, self._driver), len(self._threads) - 1, entry
        )
        self._with_functions.append(task)
        return task if function is None else task(function)

    def workqueue(
        self, name: str, *, ordered: bool = False, mem_reclaim: bool = False, max_active: int = 0
    ) -> Workqueue:
        """``alloc_workqueue()`` or ``alloc_ordered_workqueue()`` (``include/linux/workqueue.h``).

        Args:
            name: its name in reports.
            ordered: works run one at a time, in order.
            mem_reclaim: ``WQ_MEM_RECLAIM``: a rescuer guarantees progress without memory.
            max_active: at most that many works at once; 0: the kernel's default.

        Raises:
            ScenarioError: max_active is negative, more than 2048 (``WQ_MAX_ACTIVE``), or more than 1 for an
                ordered workqueue.
        """
        limit = checked_number("k.workqueue(max_active=…)", max_active, 0, 1 if ordered else 2048)
        fields = {"ordered": bool(ordered), "mem_reclaim": bool(mem_reclaim), "max_active": limit}
        return self._declare(Workqueue, name, **fields)

    def work(self, name: str, function: Function | None = None) -> Work:
        """``INIT_WORK()``.

        Args:
            name: its name in reports.
            function: takes ``t``; runs in process context.
        """
        return self._declare_with(Work, name, {"function": function})

    def delayed_work(self, name: str, function: Function | None = None) -> DelayedWork:
        """``INIT_DELAYED_WORK()``.

        Args:
            name: its name in reports.
            function: takes ``t``; runs in process context.
        """
        return self._declare_with(DelayedWork, name, {"function": function})

    def kthread_worker(self, name: str) -> KthreadWorker:
        """``kthread_create_worker()`` (``include/linux/kthread.h``): a thread that runs kthread works."""
        return self._declare(KthreadWorker, name)

    def kthread_work(self, name: str, function: Function | None = None) -> KthreadWork:
        """``kthread_init_work()``.

        Args:
            name: its name in reports.
            function: takes ``t``; runs in its worker's thread.
        """
        return self._declare_with(KthreadWork, name, {"function": function})

    def timer(self, name: str, function: Function | None = None, *, irqsafe: bool = False) -> Timer:
        """``timer_setup()`` (``include/linux/timer.h``).

        Args:
            name: its name in reports.
            function: takes ``t``; runs in softirq context.
            irqsafe: ``TIMER_IRQSAFE``: runs with interrupts off, may be deleted synchronously from one.
        """
        return self._declare_with(Timer, name, {"function": function}, irqsafe=bool(irqsafe))

    def irq(self, name: str, handler: Function | None = None, thread: Function | None = None) -> Irq:
        """``request_irq()`` or ``request_threaded_irq()`` (``include/linux/interrupt.h``).

        Args:
            name: its name in reports.
            handler: takes ``t``; runs in hard irq context; returns IRQ_WAKE_THREAD, IRQ_HANDLED, or nothing,
                which is the same as that.
            thread: takes ``t``; runs in the interrupt's thread.
        """
        return self._declare_with(Irq, name, {"handler": handler, "thread": thread})

    def tasklet(self, name: str, function: Function | None = None) -> Tasklet:
        """``tasklet_setup()``.

        Args:
            name: its name in reports.
            function: takes ``t``; runs in softirq context.
        """
        return self._declare_with(Tasklet, name, {"function": function})

    def irq_work(self, name: str, function: Function | None = None) -> IrqWork:
        """``init_irq_work()`` (``include/linux/irq_work.h``).

        Args:
            name: its name in reports.
            function: takes ``t``; runs in hard irq context.
        """
        return self._declare_with(IrqWork, name, {"function": function})

    def rcu_head(self, name: str, function: Function | None = None) -> RcuHead:
        """An RCU callback, for ``t.call_rcu()``.

        Args:
            name: its name in reports.
            function: takes ``t``; runs in softirq context after a grace period.
        """
        return self._declare_with(RcuHead, name, {"function": function})
