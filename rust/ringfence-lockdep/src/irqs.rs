//! The interrupt state of a task (`hardirqs_enabled`, `hardirq_context` and the like of `struct task_struct`, and
//! `softirq_count()`).

/// Which interrupts a task has on and which it serves. What every acquisition asks for is kept in one byte.
#[derive(Debug)]
pub(crate) struct Irqs {
    bits: u8,
    /// Per hard irq being served: whether hard irqs were on when it came.
    hardirqs: Vec<bool>,
    softirqs: u32,
    bh_disabled: u32,
}

/// As [`Manner`](crate::chain::Manner) has them, which keeps its lower bits for the flags of the acquisition.
pub(crate) const HARDIRQS_OFF: u8 = 1 << 3;
const SOFTIRQS_ENABLED: u8 = 1 << 4;
const HARDIRQ_THREADED: u8 = 1 << 5;
const IN_HARDIRQ: u8 = 1 << 6;
const IN_SOFTIRQ: u8 = 1 << 7;

impl Default for Irqs {
    /// Of a new task: all interrupts on.
    fn default() -> Self {
        Self { bits: SOFTIRQS_ENABLED, hardirqs: Vec::new(), softirqs: 0, bh_disabled: 0 }
    }
}

impl Irqs {
    /// As when the task was new.
    pub(crate) fn restart(&mut self) {
        self.bits = SOFTIRQS_ENABLED;
        self.hardirqs.clear();
        self.softirqs = 0;
        self.bh_disabled = 0;
    }

    #[inline]
    fn set(&mut self, bit: u8, on: bool) {
        self.bits = if on { self.bits | bit } else { self.bits & !bit };
    }

    /// Everything that decides whether an acquisition is one that was made before.
    #[inline]
    pub(crate) fn bits(&self) -> u8 {
        self.bits
    }

    /// `task_irq_context()`.
    #[inline]
    pub(crate) fn context(&self) -> u8 {
        self.bits >> 6
    }

    #[inline]
    pub(crate) fn in_hardirq(&self) -> bool {
        self.bits & IN_HARDIRQ != 0
    }

    #[inline]
    pub(crate) fn in_softirq(&self) -> bool {
        self.bits & IN_SOFTIRQ != 0
    }

    #[inline]
    pub(crate) fn hardirqs_enabled(&self) -> bool {
        self.bits & HARDIRQS_OFF == 0
    }

    #[inline]
    pub(crate) fn softirqs_enabled(&self) -> bool {
        self.bits & SOFTIRQS_ENABLED != 0
    }

    /// The handler of the hard irq being served would run in a thread where that is forced.
    #[inline]
    pub(crate) fn hardirq_threaded(&self) -> bool {
        self.bits & HARDIRQ_THREADED != 0
    }

    /// How many hard irqs are being served.
    pub(crate) fn hardirq_count(&self) -> u32 {
        self.hardirqs.len() as u32
    }

    /// Nesting of everything that keeps soft irqs off (`softirq_count()`).
    pub(crate) fn softirq_count(&self) -> u32 {
        self.softirqs + self.bh_disabled
    }

    pub(crate) fn enable_hardirqs(&mut self, on: bool) {
        self.set(HARDIRQS_OFF, !on);
    }

    /// Nothing keeps soft irqs off any more.
    pub(crate) fn enable_softirqs(&mut self) {
        self.set(SOFTIRQS_ENABLED, true);
    }

    /// `local_bh_disable()`.
    pub(crate) fn disable_bh(&mut self) {
        self.bh_disabled += 1;
        self.set(SOFTIRQS_ENABLED, false);
    }

    /// One level of `local_bh_disable()` less; false if there is none. Soft irqs are still off.
    pub(crate) fn enable_bh(&mut self) -> bool {
        let disabled = self.bh_disabled != 0;
        self.bh_disabled = self.bh_disabled.saturating_sub(1);
        disabled
    }

    /// A hard irq arrives: hard irqs go off.
    pub(crate) fn enter_hardirq(&mut self, threaded: bool) {
        let threaded = threaded || (self.in_hardirq() && self.hardirq_threaded());
        self.hardirqs.push(self.hardirqs_enabled());
        self.set(HARDIRQ_THREADED, threaded);
        self.set(IN_HARDIRQ, true);
        self.set(HARDIRQS_OFF, true);
    }

    /// It returns. Whether hard irqs were on when it came; none if there is none. They are still off.
    pub(crate) fn exit_hardirq(&mut self) -> Option<bool> {
        let enabled = self.hardirqs.pop();
        self.set(IN_HARDIRQ, !self.hardirqs.is_empty());
        enabled
    }

    /// Soft irqs are served, and go off.
    pub(crate) fn enter_softirq(&mut self) {
        self.softirqs += 1;
        self.set(IN_SOFTIRQ, true);
        self.set(SOFTIRQS_ENABLED, false);
    }

    /// Serving ends; false if it never began. Soft irqs are still off.
    pub(crate) fn exit_softirq(&mut self) -> bool {
        let serving = self.softirqs != 0;
        self.softirqs = self.softirqs.saturating_sub(1);
        self.set(IN_SOFTIRQ, self.softirqs != 0);
        serving
    }
}
