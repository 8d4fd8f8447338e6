//! Switching interrupts off and on, and serving them (`lockdep_hardirqs_on_prepare()`,
//! `lockdep_softirqs_on()`, `include/linux/irqflags.h`, `kernel/softirq.c`).

use ringfence_base::Origin;

use crate::held::Task;
use crate::misuse::Misuse;
use crate::usage::UsageBit;
use crate::validator::Validator;

impl Validator {
    fn task_mut(&mut self, origin: Origin) -> &mut Task {
        &mut self.tasks[origin.task.index()]
    }

    /// `local_irq_disable()`.
    pub fn irq_off(&mut self, origin: Origin) {
        if self.begin(origin) {
            self.task_mut(origin).hardirqs_enabled = false;
        }
    }

    /// `local_irq_enable()`: every held lock is used with irqs on from now on. Returns how many problems
    /// were reported.
    ///
    /// # Errors
    /// [`Misuse::IrqOnInHardirq`]: Linux forbids it.
    pub fn irq_on(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            if self.task_mut(origin).in_hardirq() {
                return Err(Misuse::IrqOnInHardirq);
            }
            self.hardirqs_on(origin);
        }
        Ok(self.reported.len())
    }

    fn hardirqs_on(&mut self, origin: Origin) {
        if self.task_mut(origin).hardirqs_enabled {
            return;
        }
        if self.mark_held_locks(origin, UsageBit::ENABLED_HARDIRQ) && self.task_mut(origin).softirqs_enabled {
            self.mark_held_locks(origin, UsageBit::ENABLED_SOFTIRQ);
        }
        self.task_mut(origin).hardirqs_enabled = true;
    }

    /// `local_bh_disable()`; nests.
    pub fn bh_disable(&mut self, origin: Origin) {
        if self.begin(origin) {
            let task = self.task_mut(origin);
            task.bh_disabled += 1;
            task.softirqs_enabled = false;
        }
    }

    /// `local_bh_enable()`: the outermost one marks every held lock as used with soft irqs on, if hard irqs
    /// are on as well. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::BhEnableWithoutDisable`].
    pub fn bh_enable(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            let task = self.task_mut(origin);
            task.bh_disabled = task.bh_disabled.checked_sub(1).ok_or(Misuse::BhEnableWithoutDisable)?;
            self.softirqs_on(origin);
        }
        Ok(self.reported.len())
    }

    /// If nothing keeps soft irqs off any more.
    fn softirqs_on(&mut self, origin: Origin) {
        let task = self.task_mut(origin);
        if task.softirq_count() != 0 || task.softirqs_enabled {
            return;
        }
        task.softirqs_enabled = true;
        if task.hardirqs_enabled {
            self.mark_held_locks(origin, UsageBit::ENABLED_SOFTIRQ);
        }
    }

    /// A hard irq arrives: hard irqs go off. `threaded`: its handler would run in a thread where
    /// that is forced, so its wait limit is that of a spinlock rather than a raw one.
    pub fn hardirq_enter(&mut self, origin: Origin, threaded: bool) {
        if self.begin(origin) {
            let task = self.task_mut(origin);
            if !task.in_hardirq() {
                task.hardirq_threaded = false;
            }
            task.hardirq_threaded |= threaded;
            task.hardirqs.push(task.hardirqs_enabled);
            task.hardirqs_enabled = false;
        }
    }

    /// The hard irq returns: hard irqs are as they were when it came, and if that was on, it counts as
    /// switching them on. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::HardirqExitWithoutEnter`].
    pub fn hardirq_exit(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            let enabled = self.task_mut(origin).hardirqs.pop().ok_or(Misuse::HardirqExitWithoutEnter)?;
            if enabled {
                self.hardirqs_on(origin);
            }
        }
        Ok(self.reported.len())
    }

    /// Soft irqs are served: soft irqs go off, hard irqs stay as they are.
    pub fn softirq_enter(&mut self, origin: Origin) {
        if self.begin(origin) {
            let task = self.task_mut(origin);
            task.softirqs += 1;
            task.softirqs_enabled = false;
        }
    }

    /// Serving soft irqs ends; they are on again, with the same marking as [`Validator::bh_enable`].
    /// Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::SoftirqExitWithoutEnter`].
    pub fn softirq_exit(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            let task = self.task_mut(origin);
            task.softirqs = task.softirqs.checked_sub(1).ok_or(Misuse::SoftirqExitWithoutEnter)?;
            self.softirqs_on(origin);
        }
        Ok(self.reported.len())
    }
}
