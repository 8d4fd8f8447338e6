//! A finding's two sentences.

use ringfence_diag::{LockReport, LockReportKind};

/// One line: what is wrong, with the classes.
pub(crate) fn summary(kind: LockReportKind, report: &LockReport) -> String {
    let lock = &report.lock.class.name;
    let holding = report.holding.as_ref().map_or("", |held| held.class.name.as_str());
    match kind {
        LockReportKind::Circular => {
            let classes: Vec<&str> = report.links.iter().map(|link| link.from.name.as_str()).collect();
            format!("circular dependency: {} -> {}", classes.join(" -> "), classes[0])
        }
        LockReportKind::Recursive => format!("{lock} is taken while the task already holds {holding}"),
        LockReportKind::IrqDependency | LockReportKind::IrqInversion => {
            let usage = report.usage.as_ref();
            let (safe, unsafe_) = usage.map_or(("", ""), |usage| (&usage.safe.name, &usage.unsafe_.name));
            let irq = usage.map_or("", |usage| usage.irq);
            format!("{irq}-safe {safe} depends on {irq}-unsafe {unsafe_}")
        }
        LockReportKind::InconsistentUsage => {
            let states =
                report.usage.as_ref().map_or(("", ""), |usage| (usage.safe_state, usage.unsafe_state));
            format!("{lock} is used both {} and {}", states.0, states.1)
        }
        LockReportKind::WaitContext => format!("{lock} is taken in a context that may not wait for it"),
        LockReportKind::UnlockImbalance => format!("{} is released but not held", report.lock.instance),
        LockReportKind::NestLockNotHeld => {
            format!(
                "{lock} is taken nested in {}, which is not held",
                report.nest_lock.as_deref().unwrap_or("")
            )
        }
        LockReportKind::HeldLockFreed => {
            format!("the memory of {} is freed while it is held", report.lock.instance)
        }
        LockReportKind::LimitReached => format!("{} reached", report.limit.unwrap_or("")),
    }
}

/// One sentence: why it can block, or why the validator can't go on trusting what it sees.
pub(crate) fn why(kind: LockReportKind, report: &LockReport) -> String {
    let lock = &report.lock.class.name;
    match kind {
        LockReportKind::Circular => format!(
            "If {} contexts each hold their first lock at the same time, each waits for the next one's, and the last \
             for the first: no one can go on.",
            report.links.len()
        ),
        LockReportKind::Recursive => format!(
            "If both are the same lock, or two tasks take two of them in opposite order, {} waits for {lock} forever: \
             nothing declares how locks of this class nest.",
            report.task.name
        ),
        LockReportKind::IrqDependency | LockReportKind::IrqInversion => {
            let usage = report.usage.as_ref();
            let (safe, unsafe_) = usage.map_or(("", ""), |usage| (&usage.safe.name, &usage.unsafe_.name));
            if safe == unsafe_ {
                format!(
                    "An interrupt that takes {safe} can arrive on a CPU that already holds it, and waits for itself."
                )
            } else {
                format!(
                    "An interrupt that takes {safe} can arrive on a CPU that holds {unsafe_}, while {safe} is held by \
                     somebody who waits for {unsafe_}."
                )
            }
        }
        LockReportKind::InconsistentUsage => format!(
            "The interrupt can arrive on a CPU that holds {lock} and waits there for the code it interrupted."
        ),
        LockReportKind::WaitContext => format!(
            "Taking {lock} may sleep, or on a real-time kernel may sleep, where the context ({}) must not.",
            if report.task.irq.hardirq_context {
                "a hard interrupt"
            } else if report.task.irq.softirq_context {
                "a soft interrupt"
            } else {
                "a lock that spins is held"
            }
        ),
        LockReportKind::UnlockImbalance => String::from(
            "Either somebody else's lock is released, so that two can hold it at once, or one's own twice.",
        ),
        LockReportKind::NestLockNotHeld => format!(
            "Only the nest lock keeps two tasks from taking several {lock} in opposite order; without it they can \
             wait for each other."
        ),
        LockReportKind::HeldLockFreed => String::from(
            "Whoever waits for the lock waits on memory that is no longer a lock, forever or worse.",
        ),
        LockReportKind::LimitReached => String::from(
            "Linux switches its validator off here: no later problem would be seen on such a kernel.",
        ),
    }
}
