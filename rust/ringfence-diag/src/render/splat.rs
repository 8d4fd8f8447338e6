//! The kernel log's words: what Linux 6.12 would have printed (`kernel/locking/lockdep.c`).
//!
//! The phrases, rules, indents and the order of the sections are the kernel's, so that people and
//! scripts that read splats can read these. What a model can't know is left out or replaced rather
//! than made up: a stack trace is the place of the operation, in the form `function (file:line)`
//! without offsets, and the irq event stamps and the table of all tasks are missing.

mod circular;
mod irq;
mod log;
mod single;

use crate::render::clean::clean;
use crate::{LockFinding, LockReportKind};

/// The finding as Linux 6.12 would print it, without the last newline.
pub fn splat(finding: &LockFinding) -> String {
    let report = &finding.report;
    let print = match finding.kind {
        LockReportKind::Circular => circular::circular,
        LockReportKind::Recursive => circular::recursive,
        LockReportKind::IrqDependency => irq::dependency,
        LockReportKind::InconsistentUsage => irq::usage,
        LockReportKind::IrqInversion => irq::inversion,
        LockReportKind::WaitContext => single::wait_context,
        LockReportKind::UnlockImbalance => single::unlock_imbalance,
        LockReportKind::NestLockNotHeld => single::nest_lock_not_held,
        LockReportKind::HeldLockFreed => single::held_lock_freed,
        LockReportKind::LimitReached => single::limit_reached,
    };
    let mut log = log::Log::default();
    print(&mut log, report);
    let splat = log.finish();
    // A report without what its kind needs is an engine bug, but no reason to show nothing.
    if splat.is_empty() { clean(&finding.summary).into_owned() } else { splat }
}
