"""What runs later: works, kthread works, timers, tasklets, irq works, interrupts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._values import Int

if TYPE_CHECKING:
    from ringfence._scenario._handled import DelayedWork, Irq, IrqWork, KthreadWork, Tasklet, Timer, Work
    from ringfence._scenario._objects import KthreadWorker, Workqueue
    from ringfence._scenario._section import Lock

__all__ = ["Deferred"]

Number = int | Int


class Deferred(Flow):
    """Calls on what runs later. Delays are virtual nanoseconds."""

    # ---- include/linux/workqueue.h -------------------------------------------------------------------------

    def queue_work(self, wq: Workqueue | None, work: Work) -> Int:
        """``queue_work()``: 1 unless it was queued already.

        Args:
            wq: the workqueue; None: ``system_wq``.
            work: what is queued.
        """
        return self._value(Int, "queue_work", wq, work)

    def schedule_work(self, work: Work) -> Int:
        """``schedule_work()``: `queue_work` on ``system_wq``."""
        return self._value(Int, "queue_work", None, work)

    def flush_work(self, work: Work) -> Int:
        """``flush_work()``: waits until the work is done; 0 if it was idle."""
        return self._value(Int, "flush_work", work)

    def cancel_work(self, work: Work) -> Int:
        """``cancel_work()``: 1 if it was pending; does not wait."""
        return self._value(Int, "cancel_work", work)

    def cancel_work_sync(self, work: Work) -> Int:
        """``cancel_work_sync()``: takes the work off its queue and waits until it does not run."""
        return self._value(Int, "cancel_work_sync", work)

    def flush_workqueue(self, wq: Workqueue | None) -> None:
        """``flush_workqueue()``: waits for all works queued so far; None: ``system_wq``."""
        self._do("flush_workqueue", wq)

    def queue_delayed_work(self, wq: Workqueue | None, work: DelayedWork, delay: Number) -> Int:
        """``queue_delayed_work()``: 1 unless it was pending already.

        Args:
            wq: the workqueue; None: ``system_wq``.
            work: what is queued.
            delay: virtual nanoseconds, not jiffies.
        """
        return self._value(Int, "queue_delayed_work", wq, work, delay)

    def schedule_delayed_work(self, work: DelayedWork, delay: Number) -> Int:
        """``schedule_delayed_work()``: `queue_delayed_work` on ``system_wq``."""
        return self._value(Int, "queue_delayed_work", None, work, delay)

    def mod_delayed_work(self, wq: Workqueue | None, work: DelayedWork, delay: Number) -> Int:
        """``mod_delayed_work()``: sets the delay anew; 1 if it was pending."""
        return self._value(Int, "mod_delayed_work", wq, work, delay)

    def flush_delayed_work(self, work: DelayedWork) -> Int:
        """``flush_delayed_work()``: runs it now, if pending, and waits for it."""
        return self._value(Int, "flush_delayed_work", work)

    def cancel_delayed_work(self, work: DelayedWork) -> Int:
        """``cancel_delayed_work()``: 1 if it was pending; does not wait."""
        return self._value(Int, "cancel_delayed_work", work)

    def cancel_delayed_work_sync(self, work: DelayedWork) -> Int:
        """``cancel_delayed_work_sync()``: cancels it and waits until it does not run."""
        return self._value(Int, "cancel_delayed_work_sync", work)

    # ---- include/linux/kthread.h ---------------------------------------------------------------------------

    def kthread_queue_work(self, worker: KthreadWorker, work: KthreadWork) -> Int:
        """``kthread_queue_work()``: 1 unless it was queued already."""
        return self._value(Int, "kthread_queue_work", worker, work)

    def kthread_flush_work(self, work: KthreadWork) -> None:
        """``kthread_flush_work()``: waits until the work is done."""
        self._do("kthread_flush_work", work)

    def kthread_cancel_work_sync(self, work: KthreadWork) -> Int:
        """``kthread_cancel_work_sync()``: cancels it and waits until it does not run."""
        return self._value(Int, "kthread_cancel_work_sync", work)

    def kthread_flush_worker(self, worker: KthreadWorker) -> None:
        """``kthread_flush_worker()``: waits for all works queued so far."""
        self._do("kthread_flush_worker", worker)

    # ---- include/linux/timer.h -----------------------------------------------------------------------------

    def mod_timer(self, timer: Timer, delay: Number) -> Int:
        """``mod_timer()``: 1 if it was pending.

        Args:
            timer: what is armed.
            delay: virtual nanoseconds from now.
        """
        return self._value(Int, "mod_timer", timer, delay)

    def timer_delete(self, timer: Timer) -> Int:
        """``timer_delete()``: 1 if it was pending; does not wait."""
        return self._value(Int, "timer_delete", timer)

    def timer_delete_sync(self, timer: Timer) -> Int:
        """``timer_delete_sync()``: deletes it and waits until its function does not run."""
        return self._value(Int, "timer_delete_sync", timer)

    # ---- include/linux/interrupt.h, irq_work.h -------------------------------------------------------------

    def tasklet_schedule(self, tasklet: Tasklet) -> None:
        """``tasklet_schedule()``."""
        self._do("tasklet_schedule", tasklet)

    def tasklet_kill(self, tasklet: Tasklet) -> None:
        """``tasklet_kill()``: waits until the tasklet is neither scheduled nor running."""
        self._do("tasklet_kill", tasklet)

    def irq_work_queue(self, work: IrqWork) -> Int:
        """``irq_work_queue()``: runs it in hard irq context soon; 1 unless it was queued already."""
        return self._value(Int, "irq_work_queue", work)

    def irq_work_sync(self, work: IrqWork) -> None:
        """``irq_work_sync()``: waits until the function does not run."""
        self._do("irq_work_sync", work)

    def raise_irq(self, irq: Irq) -> None:
        """A device raises its interrupt."""
        self._do("raise_irq", irq)

    def disable_irq(self, irq: Irq) -> Lock:
        """``disable_irq()``: disables the line, waits for handlers; in a ``with`` its end is `enable_irq`."""
        return self._lock("enable_irq", "disable_irq", irq)

    def disable_irq_nosync(self, irq: Irq) -> Lock:
        """``disable_irq_nosync()``: disables the line; in a ``with`` its end is `enable_irq`."""
        return self._lock("enable_irq", "disable_irq_nosync", irq)

    def enable_irq(self, irq: Irq) -> None:
        """``enable_irq()``: what was raised meanwhile is delivered."""
        self._do("enable_irq", irq)

    def synchronize_irq(self, irq: Irq) -> None:
        """``synchronize_irq()``: waits for handlers that run."""
        self._do("synchronize_irq", irq)
