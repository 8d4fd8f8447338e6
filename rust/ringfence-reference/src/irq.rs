//! Interrupts going on and off, and being served.

use crate::usage::Use;
use crate::validator::{Checked, Validator};

impl Validator {
    /// Irqs go on: every held lock that is checked is now held with them on.
    fn mark_held(&mut self, soft: bool) -> Checked {
        for held in self.task().held.clone() {
            if held.args.check {
                self.mark(&held, Use { soft, enabled: true, read: held.args.read.is_read() })?;
            }
        }
        Ok(())
    }

    pub(crate) fn irq_off(&mut self) {
        self.task().irqs_on = false;
    }

    pub(crate) fn irq_on(&mut self) -> Checked {
        if self.task().irqs_on {
            return Ok(());
        }
        self.mark_held(false)?;
        if self.task().softirqs_on {
            self.mark_held(true)?;
        }
        self.task().irqs_on = true;
        Ok(())
    }

    pub(crate) fn bh_disable(&mut self) {
        let task = self.task();
        task.preempt_count += 1;
        task.bh_disabled += 1;
        task.softirqs_on = false;
    }

    pub(crate) fn bh_enable(&mut self) -> Checked {
        let task = self.task();
        task.preempt_count = task.preempt_count.saturating_sub(1);
        task.bh_disabled -= 1;
        if task.bh_disabled != 0 {
            return Ok(());
        }
        task.softirqs_on = true;
        if task.irqs_on { self.mark_held(true) } else { Ok(()) }
    }

    pub(crate) fn hardirq_enter(&mut self, threaded: bool) {
        let task = self.task();
        task.preempt_count += 1;
        // The outermost irq decides anew; one inside it can only add the promise.
        task.threaded = threaded || (task.threaded && !task.hardirqs.is_empty());
        task.hardirqs.push(task.irqs_on);
        task.irqs_on = false;
    }

    pub(crate) fn hardirq_exit(&mut self) -> Checked {
        let task = self.task();
        task.preempt_count = task.preempt_count.saturating_sub(1);
        if task.hardirqs.pop() == Some(true) { self.irq_on() } else { Ok(()) }
    }

    pub(crate) fn softirq_enter(&mut self) {
        self.bh_disable();
        self.task().softirqs += 1;
    }

    pub(crate) fn softirq_exit(&mut self) -> Checked {
        self.task().softirqs -= 1;
        self.bh_enable()
    }
}
