//! The picture of a deadlock with an interrupt.

use super::columns::{Cell, Column, Table};
use super::phrase::Phrase;
use super::words::{held_mode, interrupt, place_lines, taken_mode, usage_mode};
use crate::{ClassView, Link, LockReport, PlaceView, UsageConflict};

/// `CPU0` holds the unsafe class and is interrupted; the other CPUs are the links from the safe
/// class to the unsafe one. Without links the interrupt waits for the very task it interrupted.
pub(super) fn picture(report: &LockReport, width: usize) -> Vec<Phrase> {
    let Some(conflict) = &report.usage else { return Vec::new() };
    let cpus = report.links.len() + 1;
    let mut columns = vec![interrupted(conflict, 1 % cpus)];
    for (i, link) in report.links.iter().enumerate() {
        columns.push(other_cpu(link, report, i + 1, (i + 2) % cpus));
    }
    let table = Table { rows: vec!["holds", "then", "wants"], columns };
    let intro = match cpus {
        1 => "One CPU is enough; time runs down:".to_owned(),
        n => format!("{n} CPUs at the same time, a column each; time runs down:"),
    };
    let mut lines = Phrase::new().plain(&intro).wrap(width, 2);
    lines.extend(table.lines(width));
    lines
}

fn interrupted(conflict: &UsageConflict, holder: usize) -> Column {
    let irq = interrupt(conflict.irq);
    let holds = format!("{}, {irq}s on", usage_mode(conflict.unsafe_state));
    let blocked = match holder {
        0 => "waits for CPU0 itself, which it interrupted".to_owned(),
        n => format!("waits for CPU{n}"),
    };
    Column {
        title: title(0, &conflict.unsafe_at.task),
        cells: vec![
            step(&conflict.unsafe_, &[&holds], &conflict.unsafe_at),
            vec![Phrase::new().label(&format!("<{irq}>"))],
            step(&conflict.safe, &[&blocked, usage_mode(conflict.safe_state)], &conflict.safe_at),
        ],
    }
}

fn other_cpu(link: &Link, report: &LockReport, cpu: usize, holder: usize) -> Column {
    let blocked = format!("waits for CPU{holder}");
    Column {
        title: title(cpu, &link.taken_at.task),
        cells: vec![
            step(&link.from, &[&held_mode(link, report)], &link.held_at),
            Vec::new(),
            step(&link.to, &[&blocked, &taken_mode(link, report)], &link.taken_at),
        ],
    }
}

fn title(cpu: usize, task: &str) -> Phrase {
    Phrase::new().label(&format!("CPU{cpu}")).plain(" ").plain(task)
}

fn step(class: &ClassView, what: &[&str], place: &PlaceView) -> Cell {
    let mut cell = vec![Phrase::new().class(&class.name)];
    cell.extend(what.iter().map(|what| Phrase::new().plain(what)));
    cell.extend(place_lines(place));
    cell
}
