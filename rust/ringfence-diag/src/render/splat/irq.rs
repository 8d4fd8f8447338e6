//! The three reports about interrupts.

use super::clean;
use super::log::{Log, Step, call, class, who, who_with_irqs};
use crate::{ClassView, Link, LockReport, PlaceView, UsageConflict};

/// `print_bad_irq_dependency()`.
pub(super) fn dependency(log: &mut Log, report: &LockReport) {
    let (Some(conflict), Some(holding)) = (&report.usage, &report.holding) else { return };
    let irq = conflict.irq;
    // The one title that is not as long as its rules: theirs is fixed.
    log.title_with_rule(&format!("WARNING: {irq}-safe -> {irq}-unsafe lock order detected"), 53);
    log.line(format!("{} is trying to acquire:", who_with_irqs(&report.task)));
    log.lock(&report.lock);
    log.line("\nand this task is already holding:");
    log.lock(holding);
    log.line("which would create a new lock dependency:");
    log.line(format!("{} ->{}", class(&holding.class), class(&report.lock.class)));
    conflicting_states(log, conflict);
    log.line("\nother info that might help us debug this:\n");
    irq_scenario(log, conflict, Some(&holding.class), &report.lock.class);
    log.held(report);
    log.line(format!("\nthe dependencies between {irq}-irq-safe lock and the holding lock:"));
    let new = report.links.iter().position(|link| link.new).unwrap_or(report.links.len());
    path_to_held(log, &holding.class, &report.links[..new]);
    log.line(format!("\nthe dependencies between the lock to be acquired and {irq}-irq-unsafe lock:"));
    let after = report.links.get(new + 1..).unwrap_or_default();
    path_from_root(log, &report.lock.class, after, &report.at);
    log.line("");
    log.backtrace(report);
}

/// `print_usage_bug()`.
pub(super) fn usage(log: &mut Log, report: &LockReport) {
    let Some(conflict) = &report.usage else { return };
    let (old, new) = if conflict.forwards {
        ((conflict.unsafe_state, &conflict.unsafe_at), conflict.safe_state)
    } else {
        ((conflict.safe_state, &conflict.safe_at), conflict.unsafe_state)
    };
    log.title("WARNING: inconsistent lock state");
    log.line(format!("inconsistent {{{}}} -> {{{new}}} usage.", old.0));
    log.line(format!("{} takes:", who_with_irqs(&report.task)));
    log.lock(&report.lock);
    log.line(format!("{{{}}} state was registered at:", old.0));
    log.trace(old.1, 1);
    log.line("\nother info that might help us debug this:");
    let lock = call("lock", &report.lock.class);
    let steps = [lock.clone(), "<Interrupt>".to_owned(), format!("  {lock}")].map(Step::Cpu0);
    log.scenario("unsafe locking", 1, &steps);
    log.held_and_backtrace(report);
}

/// `print_irq_inversion_bug()`.
pub(super) fn inversion(log: &mut Log, report: &LockReport) {
    let Some(conflict) = &report.usage else { return };
    let irq = conflict.irq;
    log.title("WARNING: possible irq lock inversion dependency detected");
    log.line(format!("{} just changed the state of lock:", who(&report.task)));
    log.lock(&report.lock);
    let other = if conflict.forwards {
        log.line(format!("but this lock took another, {irq}-unsafe lock in the past:"));
        &conflict.unsafe_
    } else {
        log.line(format!("but this lock was taken by another, {irq}-safe lock in the past:"));
        &conflict.safe
    };
    log.line(format!("{}\n", class(other)));
    log.line("\nand interrupts could create inverse lock ordering between them.\n");
    log.line("\nother info that might help us debug this:");
    let middle = inversion_middle(conflict, &report.links);
    irq_scenario(log, conflict, middle, &conflict.unsafe_);
    log.held(report);
    log.line("\nthe shortest dependencies between 2nd lock and 1st lock:");
    if conflict.forwards {
        path_from_root(log, &conflict.safe, &report.links, &report.at);
    } else {
        path_to_root(log, &conflict.unsafe_, &report.links, &report.at);
    }
    log.line("");
    log.backtrace(report);
}

fn conflicting_states(log: &mut Log, conflict: &UsageConflict) {
    let irq = conflict.irq;
    log.line(format!("\nbut this new dependency connects a {irq}-irq-safe lock:"));
    log.line(class(&conflict.safe));
    log.line(format!("\n... which became {irq}-irq-safe at:"));
    log.trace(&conflict.safe_at, 1);
    log.line(format!("\nto a {irq}-irq-unsafe lock:"));
    log.line(class(&conflict.unsafe_));
    log.line(format!("\n... which became {irq}-irq-unsafe at:\n..."));
    log.trace(&conflict.unsafe_at, 1);
}

/// `print_irq_lock_scenario()`: `middle` is the class shown between the two, `next` the one shown
/// if `middle` is the safe class itself.
fn irq_scenario(log: &mut Log, conflict: &UsageConflict, middle: Option<&ClassView>, next: &ClassView) {
    let (safe, unsafe_) = (&conflict.safe, &conflict.unsafe_);
    let middle = middle.filter(|middle| middle.name != safe.name).unwrap_or(next);
    if middle.name != unsafe_.name {
        log.chain(safe, middle, unsafe_);
    }
    let steps = [
        Step::Cpu0(call("lock", unsafe_)),
        Step::Cpu1("local_irq_disable();".to_owned()),
        Step::Cpu1(call("lock", safe)),
        Step::Cpu1(call("lock", middle)),
        Step::Cpu0("<Interrupt>".to_owned()),
        Step::Cpu0(format!("  {}", call("lock", safe))),
    ];
    log.scenario("interrupt unsafe locking", 2, &steps);
}

/// The neighbour on the path of the lock whose state changed.
fn inversion_middle<'a>(conflict: &UsageConflict, links: &'a [Link]) -> Option<&'a ClassView> {
    if conflict.forwards { links.first().map(|link| &link.to) } else { links.last().map(|link| &link.from) }
}

/// `print_shortest_lock_dependencies_backwards()`: first class first, the place of each link below
/// the class that was taken.
fn path_to_held(log: &mut Log, held: &ClassView, links: &[Link]) {
    let mut depth = links.len();
    class_header(log, links.first().map_or(held, |link| &link.from), depth);
    for link in links {
        depth -= 1;
        class_header(log, &link.to, depth);
        acquired_at(log, &link.taken_at, depth);
    }
}

/// `print_shortest_lock_dependencies()` after a search forwards: last class first, down to `root`.
fn path_from_root(log: &mut Log, root: &ClassView, links: &[Link], now: &PlaceView) {
    for (i, link) in links.iter().enumerate().rev() {
        class_header(log, &link.to, i + 1);
        acquired_at(log, &link.taken_at, i + 1);
    }
    class_header(log, root, 0);
    acquired_at(log, now, 0);
}

/// The same function after a search backwards: the far end is then the first class of the path.
fn path_to_root(log: &mut Log, root: &ClassView, links: &[Link], now: &PlaceView) {
    for (i, link) in links.iter().enumerate() {
        let depth = links.len() - i;
        class_header(log, &link.from, depth);
        acquired_at(log, &link.taken_at, depth);
    }
    class_header(log, root, 0);
    acquired_at(log, now, 0);
}

/// `print_lock_class_header()`.
fn class_header(log: &mut Log, view: &ClassView, depth: usize) {
    let indent = " ".repeat(depth);
    log.line(format!("{indent}->{} {{", class(view)));
    for usage in &view.usages {
        let line = format!("{indent}   {} at:", usage.state);
        // The kernel counts the indent twice; that is how its traces come to stand where they do.
        let spaces = depth + line.len();
        log.line(line);
        log.trace(&usage.at, spaces);
    }
    log.line(format!("{indent} }}"));
    log.line(format!("{indent} ... key      at: {}", clean(&view.name)));
}

fn acquired_at(log: &mut Log, place: &PlaceView, depth: usize) {
    log.line(format!("{:depth$} ... acquired at:", ""));
    log.trace(place, 2);
    log.line("");
}
