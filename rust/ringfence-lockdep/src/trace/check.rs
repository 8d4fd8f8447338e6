//! Every exit needs its enter. Checked while reading, so that a broken trace is refused as a whole and not
//! decided in part.

use super::Op;
use crate::misuse::Misuse;

#[derive(Clone, Copy, Default)]
struct Nesting {
    hardirq: u32,
    softirq: u32,
    bh: u32,
    signalling: u32,
}

/// What every task has open.
pub(super) struct WellFormed {
    tasks: Vec<Nesting>,
    current: usize,
}

impl Default for WellFormed {
    fn default() -> Self {
        Self { tasks: vec![Nesting::default()], current: 0 }
    }
}

impl WellFormed {
    pub(super) fn op(&mut self, op: &Op) -> Result<(), Misuse> {
        if let Op::Task(task) = op {
            self.current = *task as usize;
            if self.tasks.len() <= self.current {
                self.tasks.resize(self.current + 1, Nesting::default());
            }
        }
        let open = &mut self.tasks[self.current];
        let close = |depth: &mut u32, misuse| match depth.checked_sub(1) {
            Some(less) => {
                *depth = less;
                Ok(())
            }
            None => Err(misuse),
        };
        match op {
            Op::HardirqEnter { .. } => open.hardirq += 1,
            Op::SoftirqEnter => open.softirq += 1,
            Op::BhDisable => open.bh += 1,
            Op::BeginSignalling => open.signalling += 1,
            Op::HardirqExit => close(&mut open.hardirq, Misuse::HardirqExitWithoutEnter)?,
            Op::SoftirqExit => close(&mut open.softirq, Misuse::SoftirqExitWithoutEnter)?,
            Op::BhEnable => close(&mut open.bh, Misuse::BhEnableWithoutDisable)?,
            Op::EndSignalling => close(&mut open.signalling, Misuse::EndSignallingWithoutBegin)?,
            Op::IrqOn if open.hardirq != 0 => return Err(Misuse::IrqOnInHardirq),
            _ => {}
        }
        Ok(())
    }
}
