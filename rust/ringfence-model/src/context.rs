//! Preemption, interrupts, RCU readers, sleeping and signals
//! (`include/linux/{preempt,irqflags,rcupdate}.h`, `__might_resched()` in `kernel/sched/core.c`).

use ringfence_base::scenario::Op;
use ringfence_base::{AcquireFlags, EventKind, LockId, Read};

use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::thread::State;
use crate::value::Value;
use crate::wait::Wait;

const NOTHING: Flow = Flow::Return(Value::Null);

impl Kernel<'_> {
    /// Hard interrupts are on for this context.
    pub(crate) fn irqs_on(&mut self) -> bool {
        !self.me().irqs_off
    }

    pub(crate) fn irq_disable(&mut self) {
        if !self.me().irqs_off {
            self.me().irqs_off = true;
            self.emit(EventKind::IrqOff);
        }
    }

    /// Switches interrupts on; in a hard interrupt that would be wrong, and is reported.
    pub(crate) fn irq_enable(&mut self) {
        if self.me().hardirq != 0 {
            self.broken("RF614", "interrupts switched on inside a hard interrupt", None);
            return;
        }
        if self.me().irqs_off {
            self.me().irqs_off = false;
            self.emit(EventKind::IrqOn);
        }
    }

    pub(crate) fn irq_restore(&mut self, on: bool) {
        if on {
            self.irq_enable();
        }
    }

    pub(crate) fn bh_disable(&mut self) {
        self.me().bh_off += 1;
        self.emit(EventKind::BhDisable);
    }

    pub(crate) fn bh_enable(&mut self) {
        if self.me().bh_off == 0 {
            self.broken("RF614", "local_bh_enable() without local_bh_disable()", None);
            return;
        }
        self.me().bh_off -= 1;
        self.emit(EventKind::BhEnable);
    }

    /// Complains where sleeping is not allowed.
    #[inline]
    pub(crate) fn might_sleep(&mut self) {
        let thread = self.me();
        if thread.may_sleep() {
            return;
        }
        if thread.in_atomic() || thread.irqs_off || thread.rcu != 0 {
            self.sleeps_in_atomic();
        } else {
            self.broken("RF404", "code that must not block may sleep here", None);
        }
    }

    #[cold]
    fn sleeps_in_atomic(&mut self) {
        let thread = self.me();
        let what = if thread.hardirq != 0 {
            "a function that may sleep is called in a hard interrupt"
        } else if thread.softirq != 0 {
            "a function that may sleep is called in a soft interrupt"
        } else if thread.spinning != 0 {
            "a function that may sleep is called with a spinning lock held"
        } else if thread.irqs_off {
            "a function that may sleep is called with interrupts off"
        } else if thread.rcu != 0 {
            "a function that may sleep is called by an RCU reader"
        } else {
            "a function that may sleep is called with preemption or bottom halves off"
        };
        self.broken("RF610", what, None);
    }

    fn preempt_enable(&mut self) {
        if self.preempt_count_sub("preempt_enable() without preempt_disable()") {
            self.emit(EventKind::PreemptEnable);
        }
    }

    /// One level of `preempt_disable()` less; false if there is none, which is a finding.
    pub(crate) fn preempt_count_sub(&mut self, what: &'static str) -> bool {
        let count = self.me().preempt.checked_sub(1);
        match count {
            Some(count) => self.me().preempt = count,
            None => self.broken("RF614", what, None),
        }
        count.is_some()
    }

    pub(crate) fn rcu_read_lock(&mut self) {
        self.me().rcu += 1;
        let lock = self.plan_rcu_map();
        self.lock_acquire(
            lock,
            AcquireFlags { read: Read::Recursive, check: false, ..AcquireFlags::default() },
        );
    }

    pub(crate) fn rcu_read_unlock(&mut self) {
        if self.me().rcu == 0 {
            self.broken("RF614", "rcu_read_unlock() without rcu_read_lock()", None);
            return;
        }
        let lock = self.plan_rcu_map();
        self.emit(EventKind::Release(LockId::from_raw(lock)));
        self.me().rcu -= 1;
        if self.me().rcu == 0 {
            self.rcu_reader_left();
        }
    }

    pub(crate) fn context_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::PreemptDisable => {
                self.me().preempt += 1;
                self.emit(EventKind::PreemptDisable);
            }
            Op::PreemptEnable => self.preempt_enable(),
            Op::LocalIrqDisable => self.irq_disable(),
            Op::LocalIrqEnable => self.irq_enable(),
            Op::LocalIrqSave => {
                let on = self.irqs_on();
                self.irq_disable();
                return Flow::Return(Value::bool(on));
            }
            Op::LocalIrqRestore => {
                let on = self.arg(call, 0).is_true();
                self.irq_restore(on);
            }
            Op::LocalBhDisable => self.bh_disable(),
            Op::LocalBhEnable => self.bh_enable(),
            Op::RcuReadLock => self.rcu_read_lock(),
            Op::RcuReadUnlock => self.rcu_read_unlock(),
            Op::MightSleep | Op::CondResched => self.might_sleep(),
            Op::NonBlockStart => self.me().non_block += 1,
            Op::NonBlockEnd => self.me().non_block = self.me().non_block.saturating_sub(1),
            Op::SignalPending => return Flow::Return(Value::bool(self.signal_pending())),
            Op::SendSig => {
                if let Some(task) = self.object(call, 0) {
                    self.send_signal(task);
                }
            }
            Op::KthreadStop => return self.kthread_stop(call),
            Op::Msleep | Op::Udelay => return self.sleep_op(call),
            Op::SynchronizeRcu | Op::CallRcu | Op::RcuBarrier => return self.rcu_op(call),
            other => panic!("engine bug: {other:?} is no operation on contexts"),
        }
        NOTHING
    }

    /// `signal_pending()`: what the context does from here on is what a process does that was killed.
    pub(crate) fn signal_pending(&mut self) -> bool {
        let pending = self.me().signal;
        if pending {
            self.emit(EventKind::SignalPending);
        }
        pending
    }

    /// A fatal signal: interruptible waits of the thread end.
    pub(crate) fn send_signal(&mut self, task: u32) {
        let thread = &mut self.w.threads[task as usize];
        thread.signal = true;
        if matches!(thread.state, State::Blocked(_)) {
            // It looks again; a wait that can't be interrupted goes on.
            self.w.set_state(task, State::Ready);
        }
    }

    fn kthread_stop(&mut self, call: Call<'_>) -> Flow {
        let Some(task) = self.object(call, 0) else { return NOTHING };
        self.might_sleep();
        match self.w.threads[task as usize].state {
            State::Done => NOTHING,
            _ => Flow::Block(Wait::Task(task)),
        }
    }
}
