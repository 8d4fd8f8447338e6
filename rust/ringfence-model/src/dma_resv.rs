//! Resv.

use ringfence_base::scenario::{Kind, Op};

use crate::compile::Compiler;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::plan::class;

/// State.
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Reservations {
    list: Vec<Resv>,
}

/// A reservation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Resv {
    lock: u32,
}

impl Clone for Reservations {
    fn clone(&self) -> Self {
        Self { list: self.list.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.list.clone_from(&source.list);
    }
}

/// Frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ResvFrame {}

impl Compiler {
    pub(crate) fn set_up_resv(&mut self) {
        for name in self.names_of(Kind::Resv) {
            let lock = self.lock_of_class(&name, class::RESV_MUTEX);
            self.plan.initial.resvs.list.push(Resv { lock });
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn resv_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::DmaResvLock
            | Op::DmaResvLockInterruptible
            | Op::DmaResvLockSlow
            | Op::DmaResvLockSlowInterruptible
            | Op::DmaResvTrylock
            | Op::DmaResvUnlock => self.resv_lock_op(call),
            other => panic!("engine bug: {other:?} has no code"),
        }
    }

    /// The lock of a reservation.
    pub(crate) fn resv_lock(&self, resv: u32) -> u32 {
        self.w.resvs.list[resv as usize].lock
    }

    /// It is about to be unlocked.
    pub(crate) fn resv_unlocked(&mut self, _resv: u32) {}

    pub(crate) fn run_resv(&mut self, frame: ResvFrame) -> Flow {
        match frame {}
    }
}
