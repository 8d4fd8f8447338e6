//! The reports about one lock, and the limits.

use super::clean;
use super::log::{Log, location, who};
use crate::LockReport;

/// Bytes of the freed object in the report. Its address is made up, and so is its size.
const FREED_BYTES: u64 = 0x40;

/// `print_lock_invalid_wait_context()`.
pub(super) fn wait_context(log: &mut Log, report: &LockReport) {
    let context = report.task.wait_context;
    log.title("[ BUG: Invalid wait context ]");
    log.line(format!("{} is trying to lock:", who(&report.task)));
    log.lock(&report.lock);
    log.line("other info that might help us debug this:");
    log.line(format!("context-{{{context}:{context}}}"));
    log.held(report);
    log.backtrace(report);
}

/// `print_unlock_imbalance_bug()`.
pub(super) fn unlock_imbalance(log: &mut Log, report: &LockReport) {
    log.title("WARNING: bad unlock balance detected!");
    log.line(format!("{} is trying to release lock ({}) at:", who(&report.task), map_name(report)));
    log.line(location(&report.at));
    log.line("but there are no more locks to release!");
    log.line("\nother info that might help us debug this:");
    log.held_and_backtrace(report);
}

/// `print_lock_nested_lock_not_held()`. The kernel really prints the stack twice.
pub(super) fn nest_lock_not_held(log: &mut Log, report: &LockReport) {
    log.title("WARNING: Nested lock was not taken");
    log.line(format!("{} is trying to lock:", who(&report.task)));
    log.lock(&report.lock);
    log.line("\nbut this task is not holding:");
    log.line(clean(report.nest_lock.as_deref().unwrap_or_default()));
    log.line("");
    log.backtrace(report);
    log.line("\nother info that might help us debug this:");
    log.held_and_backtrace(report);
}

/// `print_freed_lock_bug()`.
pub(super) fn held_lock_freed(log: &mut Log, report: &LockReport) {
    let from = report.lock.address;
    let last = from.wrapping_add(FREED_BYTES - 1);
    log.title("WARNING: held lock freed!");
    log.line(format!(
        "{} is freeing memory {from:016x}-{last:016x}, with a lock still held there!",
        who(&report.task)
    ));
    log.lock(&report.lock);
    log.held_and_backtrace(report);
}

/// `print_lockdep_off()` and its relatives.
pub(super) fn limit_reached(log: &mut Log, report: &LockReport) {
    let limit = report.limit.unwrap_or_default();
    if limit == "MAX_LOCKDEP_SUBCLASSES" {
        log.line(format!("BUG: looking up invalid subclass: {}", subclass(&report.lock.class.name)));
    } else {
        log.line(format!("BUG: {limit} too low!"));
    }
    log.line("turning off the locking correctness validator.");
    if limit == "MAX_LOCK_DEPTH" {
        let depth = report.held.len();
        log.line(format!("depth: {depth}  max: {depth}!"));
        log.held(report);
    }
    log.dump_stack(report);
}

/// The name of the lock's map, which has neither version nor subclass.
fn map_name(report: &LockReport) -> String {
    let name = &report.lock.class.name;
    let name = strip_number(name, '/').unwrap_or(name);
    clean(strip_number(name, '#').unwrap_or(name)).into_owned()
}

/// What stands before `mark` if only digits follow it.
fn strip_number(name: &str, mark: char) -> Option<&str> {
    let (before, number) = name.rsplit_once(mark)?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(before)
}

fn subclass(name: &str) -> &str {
    strip_number(name, '/').map_or("0", |before| &name[before.len() + 1..])
}
