//! Circular and recursive locking.

use super::log::{Log, Step, call, class, who};
use crate::{HeldLockView, Link, LockReport};

/// `print_circular_bug()`.
pub(super) fn circular(log: &mut Log, report: &LockReport) {
    let lock = &report.lock;
    log.title("WARNING: possible circular locking dependency detected");
    log.line(format!("{} is trying to acquire lock:", who(&report.task)));
    log.lock(lock);
    log.line("\nbut task is already holding lock:");
    if let Some(holding) = &report.holding {
        log.lock(holding);
    }
    log.line("\nwhich lock already depends on the new lock.\n");
    existing_chain(log, report);
    log.line("\nother info that might help us debug this:\n");
    if let Some(holding) = &report.holding {
        scenario(log, lock, holding, &report.links);
    }
    log.held_and_backtrace(report);
}

/// `print_deadlock_bug()`.
pub(super) fn recursive(log: &mut Log, report: &LockReport) {
    let held = report.holding.as_ref().unwrap_or(&report.lock);
    log.title("WARNING: possible recursive locking detected");
    log.line(format!("{} is trying to acquire lock:", who(&report.task)));
    log.lock(&report.lock);
    log.line("\nbut task is already holding lock:");
    log.lock(held);
    log.line("\nother info that might help us debug this:");
    let steps = [Step::Cpu0(call("lock", &held.class)), Step::Cpu0(call("lock", &report.lock.class))];
    log.scenario("unsafe locking", 1, &steps);
    log.line(" May be due to missing lock nesting notation\n");
    log.held_and_backtrace(report);
}

/// From the held lock back to the new one; the trace of each entry is where it was taken with the
/// one printed after it held.
fn existing_chain(log: &mut Log, report: &LockReport) {
    log.line("\nthe existing dependency chain (in reverse order) is:");
    let existing: Vec<&Link> = report.links.iter().filter(|link| !link.new).collect();
    for (i, link) in existing.iter().enumerate().rev() {
        log.line(format!("\n-> #{}{}:", i + 1, class(&link.to)));
        log.trace(&link.taken_at, 6);
    }
    log.line(format!("\n-> #0{}:", class(&report.lock.class)));
    log.trace(&report.at, 6);
}

/// `print_circular_lock_scenario()`: right for two locks only, as everybody knows; the text
/// renderer shows all of them.
fn scenario(log: &mut Log, lock: &HeldLockView, holding: &HeldLockView, links: &[Link]) {
    let existing: Vec<&Link> = links.iter().filter(|link| !link.new).collect();
    let parent = existing.last().map_or(&lock.class, |link| &link.from);
    if existing.len() > 1 {
        log.chain(&lock.class, parent, &holding.class);
    }
    let first = if holding.read == 0 { "lock" } else { "rlock" };
    let last = match lock {
        HeldLockView { read: 1.., .. } => "rlock",
        HeldLockView { sync: true, .. } => "sync",
        HeldLockView { .. } => "lock",
    };
    let steps = [
        Step::Cpu0(call(first, &holding.class)),
        Step::Cpu1(call("lock", parent)),
        Step::Cpu1(call("lock", &holding.class)),
        Step::Cpu0(call(last, &lock.class)),
    ];
    log.scenario("unsafe locking", 2, &steps);
}
