//! The lists below the picture: every name and place in full.

use super::phrase::Phrase;
use super::words::{class_with_mode, held_mode, interrupt, mode, place, taken_mode};
use crate::{ClassView, HeldLockView, Link, LockFinding, LockReport, LockReportKind, PlaceView};

/// The dependencies, numbered as the columns are.
pub(super) fn links(finding: &LockFinding, width: usize) -> Vec<Phrase> {
    let links = finding.report.links.iter().enumerate();
    let name = |i: usize| match finding.kind {
        LockReportKind::Circular => format!("[{i}]"),
        _ => format!("CPU{i}"),
    };
    links.flat_map(|(i, item)| link(&format!("{} ", name(i + 1)), item, &finding.report, width)).collect()
}

/// Where the clashing irq states come from.
pub(super) fn usages(report: &LockReport, width: usize) -> Vec<Phrase> {
    let Some(conflict) = &report.usage else { return Vec::new() };
    let irq = interrupt(conflict.irq);
    let state = |class: &ClassView, used: String, state: &str, at: &PlaceView| {
        let head = Phrase::new().class(&class.name).plain(&format!(" is {used} ({state}) since "));
        head.then(place(at)).wrap(width, 2)
    };
    let mut lines =
        state(&conflict.safe, format!("taken in a {irq}"), conflict.safe_state, &conflict.safe_at);
    let unsafe_ = format!("held with {irq}s on");
    lines.extend(state(&conflict.unsafe_, unsafe_, conflict.unsafe_state, &conflict.unsafe_at));
    lines
}

/// What the task held, oldest first.
pub(super) fn held(report: &LockReport, width: usize) -> Vec<Phrase> {
    let task = &report.task;
    let on = |on: bool| if on { "on" } else { "off" };
    let irqs =
        format!("hardirqs {}, softirqs {}", on(task.irq.hardirqs_enabled), on(task.irq.softirqs_enabled));
    let what = if report.held.is_empty() { "holds no locks." } else { "holds:" };
    let head = format!("{}/{} ({irqs}{}) {what}", task.name, task.pid, serving(report));
    let mut lines = Phrase::new().plain(&head).wrap(width, 2);
    lines.extend(report.held.iter().enumerate().flat_map(|(i, lock)| held_lock(i, lock, width)));
    lines
}

fn link(head: &str, link: &Link, report: &LockReport, width: usize) -> Vec<Phrase> {
    let mut phrase = Phrase::new().label(head).plain("holds ");
    phrase = phrase.then(class_with_mode(&link.from, &held_mode(link, report)));
    phrase = phrase.plain(" taken at ").then(place(&link.held_at));
    phrase = phrase.plain("; takes ").then(class_with_mode(&link.to, &taken_mode(link, report)));
    phrase = phrase.plain(" at ").then(place(&link.taken_at));
    if link.new {
        phrase = phrase.plain(" <- the new dependency");
    }
    phrase.wrap(width, 4)
}

fn held_lock(index: usize, lock: &HeldLockView, width: usize) -> Vec<Phrase> {
    let mut phrase = Phrase::new().label(&format!("#{index} "));
    phrase = phrase.then(class_with_mode(&lock.class, &mode(lock)));
    if lock.instance != lock.class.name {
        phrase = phrase.plain(", instance ").class(&lock.instance);
    }
    if lock.references > 1 {
        phrase = phrase.plain(&format!(", {} merged acquisitions", lock.references));
    }
    phrase.plain(" taken at ").then(place(&lock.at)).wrap(width, 3)
}

fn serving(report: &LockReport) -> &'static str {
    match (report.task.irq.hardirq_context, report.task.irq.softirq_context) {
        (true, _) => ", in a hard interrupt",
        (false, true) => ", in a soft interrupt",
        (false, false) => "",
    }
}
