//! Switching interrupts off and on, and serving them (`lockdep_hardirqs_on_prepare()`,
//! `lockdep_softirqs_on()`, `include/linux/irqflags.h`, `kernel/softirq.c`).

use ringfence_base::Origin;

use crate::irqs::Irqs;
use crate::misuse::Misuse;
use crate::usage::UsageBit;
use crate::validator::Validator;

impl Validator {
    fn irqs(&mut self, origin: Origin) -> &mut Irqs {
        &mut self.tasks[origin.task.index()].irqs
    }

    /// `local_irq_disable()`.
    pub fn irq_off(&mut self, origin: Origin) {
        if self.begin(origin) {
            self.irqs(origin).enable_hardirqs(false);
        }
    }

    /// `local_irq_enable()`: every held lock is used with irqs on from now on. Returns how many problems
    /// were reported.
    ///
    /// # Errors
    /// [`Misuse::IrqOnInHardirq`]: Linux forbids it.
    pub fn irq_on(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            if self.irqs(origin).in_hardirq() {
                return Err(Misuse::IrqOnInHardirq);
            }
            self.hardirqs_on(origin);
        }
        Ok(self.reported.len())
    }

    fn hardirqs_on(&mut self, origin: Origin) {
        if self.irqs(origin).hardirqs_enabled() {
            return;
        }
        if self.mark_held_locks(origin, UsageBit::ENABLED_HARDIRQ) && self.irqs(origin).softirqs_enabled() {
            self.mark_held_locks(origin, UsageBit::ENABLED_SOFTIRQ);
        }
        self.irqs(origin).enable_hardirqs(true);
    }

    /// `local_bh_disable()`; nests.
    pub fn bh_disable(&mut self, origin: Origin) {
        if self.begin(origin) {
            self.irqs(origin).disable_bh();
        }
    }

    /// `local_bh_enable()`: the outermost one marks every held lock as used with soft irqs on, if hard irqs
    /// are on as well. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::BhEnableWithoutDisable`].
    pub fn bh_enable(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            if !self.irqs(origin).enable_bh() {
                return Err(Misuse::BhEnableWithoutDisable);
            }
            self.softirqs_on(origin);
        }
        Ok(self.reported.len())
    }

    /// If nothing keeps soft irqs off any more.
    fn softirqs_on(&mut self, origin: Origin) {
        let irqs = self.irqs(origin);
        if irqs.softirq_count() != 0 || irqs.softirqs_enabled() {
            return;
        }
        irqs.enable_softirqs();
        if irqs.hardirqs_enabled() {
            self.mark_held_locks(origin, UsageBit::ENABLED_SOFTIRQ);
        }
    }

    /// A hard irq arrives: hard irqs go off. `threaded`: its handler would run in a thread where
    /// that is forced, so its wait limit is that of a spinlock rather than a raw one.
    pub fn hardirq_enter(&mut self, origin: Origin, threaded: bool) {
        if self.begin(origin) {
            self.irqs(origin).enter_hardirq(threaded);
        }
    }

    /// The hard irq returns: hard irqs are as they were when it came, and if that was on, it counts as
    /// switching them on. Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::HardirqExitWithoutEnter`].
    pub fn hardirq_exit(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            let enabled = self.irqs(origin).exit_hardirq().ok_or(Misuse::HardirqExitWithoutEnter)?;
            if enabled {
                self.hardirqs_on(origin);
            }
        }
        Ok(self.reported.len())
    }

    /// Soft irqs are served: soft irqs go off, hard irqs stay as they are.
    pub fn softirq_enter(&mut self, origin: Origin) {
        if self.begin(origin) {
            self.irqs(origin).enter_softirq();
        }
    }

    /// Serving soft irqs ends; they are on again, with the same marking as [`Validator::bh_enable`].
    /// Returns how many problems were reported.
    ///
    /// # Errors
    /// [`Misuse::SoftirqExitWithoutEnter`].
    pub fn softirq_exit(&mut self, origin: Origin) -> Result<usize, Misuse> {
        if self.begin(origin) {
            if !self.irqs(origin).exit_softirq() {
                return Err(Misuse::SoftirqExitWithoutEnter);
            }
            self.softirqs_on(origin);
        }
        Ok(self.reported.len())
    }
}
