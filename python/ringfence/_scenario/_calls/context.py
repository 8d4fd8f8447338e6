"""What the task may do: preemption, interrupts, RCU, sleeping, signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._results import SavedState
from ringfence._scenario._values import Cookie, Int

if TYPE_CHECKING:
    from ringfence._scenario._handled import RcuHead, Task
    from ringfence._scenario._section import Lock

__all__ = ["Context"]

Number = int | Int


class Context(Flow):
    """Calls that change or tell what the task may do."""

    # ---- preemption and interrupts: include/linux/preempt.h, irqflags.h, bottom_half.h ---------------------

    def preempt_disable(self) -> Lock:
        """``preempt_disable()``; in a ``with`` its end is `preempt_enable`."""
        return self._lock("preempt_enable", "preempt_disable")

    preempt_disabled = preempt_disable

    def preempt_enable(self) -> None:
        """``preempt_enable()``."""
        self._do("preempt_enable")

    def local_irq_disable(self) -> Lock:
        """``local_irq_disable()``; in a ``with`` its end is `local_irq_enable`."""
        return self._lock("local_irq_enable", "local_irq_disable")

    irq_disabled = local_irq_disable

    def local_irq_enable(self) -> None:
        """``local_irq_enable()``: switches interrupts on, whatever they were before."""
        self._do("local_irq_enable")

    def local_irq_save(self) -> SavedState:
        """``local_irq_save()``: returns ``flags``; in a ``with`` its end is `local_irq_restore`."""
        return self._section(SavedState, ("local_irq_restore", "always"), "local_irq_save")

    def local_irq_restore(self, flags: Cookie) -> None:
        """``local_irq_restore()``."""
        self._do("local_irq_restore", flags)

    def local_bh_disable(self) -> Lock:
        """``local_bh_disable()``; in a ``with`` its end is `local_bh_enable`."""
        return self._lock("local_bh_enable", "local_bh_disable")

    bh_disabled = local_bh_disable

    def local_bh_enable(self) -> None:
        """``local_bh_enable()``."""
        self._do("local_bh_enable")

    # ---- RCU: include/linux/rcupdate.h ---------------------------------------------------------------------

    def rcu_read_lock(self) -> Lock:
        """``rcu_read_lock()``; in a ``with`` its end is `rcu_read_unlock`."""
        return self._lock("rcu_read_unlock", "rcu_read_lock")

    def rcu_read_unlock(self) -> None:
        """``rcu_read_unlock()``."""
        self._do("rcu_read_unlock")

    def synchronize_rcu(self) -> None:
        """``synchronize_rcu()``: waits for all readers that are inside now."""
        self._do("synchronize_rcu")

    def call_rcu(self, head: RcuHead) -> None:
        """``call_rcu()``: runs the callback in softirq context after a grace period."""
        self._do("call_rcu", head)

    def rcu_barrier(self) -> None:
        """``rcu_barrier()``: waits for all callbacks that were queued."""
        self._do("rcu_barrier")

    # ---- sleeping: include/linux/kernel.h, delay.h, sched.h ------------------------------------------------

    def might_sleep(self) -> None:
        """``might_sleep()``: complains where sleeping is not allowed."""
        self._do("might_sleep")

    def cond_resched(self) -> None:
        """``cond_resched()``: lets others run."""
        self._do("cond_resched")

    def msleep(self, duration: Number) -> None:
        """``msleep()``: sleeps.

        Args:
            duration: virtual nanoseconds: ``rf.ms(5)``, not 5.
        """
        self._do("msleep", duration)

    def udelay(self, duration: Number) -> None:
        """``udelay()``: spins.

        Args:
            duration: virtual nanoseconds: ``rf.us(5)``, not 5.
        """
        self._do("udelay", duration)

    def non_block_start(self) -> Lock:
        """``non_block_start()``: from here on nothing may block; in a ``with`` its end is `non_block_end`."""
        return self._lock("non_block_end", "non_block_start")

    def non_block_end(self) -> None:
        """``non_block_end()``."""
        self._do("non_block_end")

    # ---- tasks: include/linux/kthread.h, sched/signal.h ----------------------------------------------------

    def kthread_stop(self, task: Task) -> None:
        """``kthread_stop()``: waits until the thread has returned."""
        self._do("kthread_stop", task)

    def send_sig(self, task: Task) -> None:
        """``send_sig(SIGKILL)``: interruptible waits of that thread end."""
        self._do("send_sig", task)

    def signal_pending(self) -> Int:
        """``signal_pending()``: 1 if a signal is pending for this task."""
        return self._value(Int, "signal_pending")
