//! The picture where one context is enough.

use super::columns::{Cell, Column, Table};
use super::phrase::Phrase;
use super::words::{mode, place_lines, wait_type};
use crate::{ClassView, HeldLockView, LockFinding, LockReport, LockReportKind, PlaceView};

/// What was held, what was wanted, and why the two don't go together; one column.
pub(super) fn picture(finding: &LockFinding, width: usize) -> Vec<Phrase> {
    let report = &finding.report;
    let rows = match finding.kind {
        LockReportKind::WaitContext => wait_context(report),
        LockReportKind::UnlockImbalance => unlock_imbalance(report),
        LockReportKind::NestLockNotHeld => nest_lock_not_held(report),
        LockReportKind::HeldLockFreed => held_lock_freed(report),
        LockReportKind::LimitReached => limit_reached(report),
        _ => recursive(report),
    };
    let (rows, cells) = rows.into_iter().unzip();
    let column = Column { title: Phrase::new().plain("task ").plain(&report.task.name), cells };
    Table { rows, columns: vec![column] }.lines(width)
}

type Row = (&'static str, Cell);

fn recursive(report: &LockReport) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(holding) = &report.holding {
        rows.push(("holds", lock(holding, &mode(holding), &holding.at)));
    }
    let what = format!("{}; waits for itself", mode(&report.lock));
    rows.push(("wants", lock(&report.lock, &what, &report.at)));
    rows
}

fn wait_context(report: &LockReport) -> Vec<Row> {
    let context = match report.task.wait_context {
        allowed @ 0..=4 => {
            format!("allows locks up to: {} ({allowed})", wait_type(allowed))
        }
        _ => "a task on its own may take any lock".to_owned(),
    };
    let mut rows = vec![("context", vec![Phrase::new().plain(&context)])];
    if let Some(holding) = report.holding.as_ref().or_else(|| strict_lock(report)) {
        let inner = holding.class.wait_inner;
        let what = format!("{}; allows locks up to: {} ({inner})", mode(holding), wait_type(inner));
        rows.push(("holds", lock(holding, &what, &holding.at)));
    }
    let class = &report.lock.class;
    let outer = outer(class);
    let what = format!("{}; {} ({outer})", mode(&report.lock), wait_type(outer));
    rows.push(("wants", lock(&report.lock, &what, &report.at)));
    rows
}

/// The innermost held lock that does not allow the wanted one, where the context does: it is of the
/// same context, as any that is further out may not be.
fn strict_lock(report: &LockReport) -> Option<&HeldLockView> {
    let wanted = outer(&report.lock.class);
    if report.task.wait_context < wanted {
        return None;
    }
    report.held.iter().rfind(|held| (1..wanted).contains(&held.class.wait_inner))
}

fn outer(class: &ClassView) -> u8 {
    if class.wait_outer == 0 { class.wait_inner } else { class.wait_outer }
}

fn unlock_imbalance(report: &LockReport) -> Vec<Row> {
    vec![("releases", lock(&report.lock, "not held here", &report.at))]
}

fn nest_lock_not_held(report: &LockReport) -> Vec<Row> {
    let nest = report.nest_lock.as_deref().unwrap_or("another lock");
    vec![
        ("wants", lock(&report.lock, &mode(&report.lock), &report.at)),
        ("under", vec![Phrase::new().class(nest), Phrase::new().plain("which the task does not hold")]),
    ]
}

fn held_lock_freed(report: &LockReport) -> Vec<Row> {
    let mut frees = vec![Phrase::new().plain("the memory of ").class(&report.lock.instance)];
    frees.extend(place_lines(&report.at));
    vec![("holds", lock(&report.lock, &mode(&report.lock), &report.lock.at)), ("frees", frees)]
}

fn limit_reached(report: &LockReport) -> Vec<Row> {
    let limit = report.limit.unwrap_or("a limit");
    let reached = vec![Phrase::new().plain(limit).plain(" reached"), Phrase::new().plain(limited(limit))];
    vec![("takes", lock(&report.lock, &mode(&report.lock), &report.at)), ("limit", reached)]
}

/// What a limit of the kernel counts.
fn limited(limit: &str) -> &'static str {
    match limit {
        "MAX_LOCK_DEPTH" => "locks held by one task at once",
        "MAX_LOCKDEP_KEYS" => "lock classes",
        "MAX_LOCKDEP_ENTRIES" => "dependencies, each counted in both directions",
        "MAX_LOCKDEP_CHAINS" => "different sequences of held locks",
        "MAX_LOCKDEP_SUBCLASSES" => "nesting levels of one class",
        _ => "a limit of the kernel's validator",
    }
}

fn lock(lock: &HeldLockView, what: &str, place: &PlaceView) -> Cell {
    let mut name = Phrase::new().class(&lock.class.name);
    if lock.instance != lock.class.name {
        name = name.plain(", instance ").class(&lock.instance);
    }
    let mut cell = vec![name, Phrase::new().plain(what)];
    cell.extend(place_lines(place));
    cell
}
