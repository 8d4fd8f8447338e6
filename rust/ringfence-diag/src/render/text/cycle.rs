//! The picture of a circular dependency.

use super::columns::{Cell, Column, Table};
use super::phrase::Phrase;
use super::words::{held_mode, place_lines, taken_mode};
use crate::{Link, LockReport};

/// One column per link: all hold their first lock, then each waits for the next one's.
pub(super) fn picture(report: &LockReport, width: usize) -> Vec<Phrase> {
    let count = report.links.len();
    if count == 0 {
        return Vec::new();
    }
    let columns = report.links.iter().enumerate().map(|(i, link)| Column {
        title: Phrase::new().label(&format!("[{}]", i + 1)).plain(" ").plain(&link.taken_at.task),
        cells: vec![holds(link, report), wants(link, report, (i + 1) % count + 1)],
    });
    let table = Table { rows: vec!["holds", "wants"], columns: columns.collect() };
    let intro = format!("{count} contexts at the same time, a column each; time runs down:");
    let mut lines = Phrase::new().plain(&intro).wrap(width, 2);
    lines.extend(table.lines(width));
    lines
}

fn holds(link: &Link, report: &LockReport) -> Cell {
    let mut cell = vec![Phrase::new().class(&link.from.name), Phrase::new().plain(&held_mode(link, report))];
    cell.extend(place_lines(&link.held_at));
    cell
}

fn wants(link: &Link, report: &LockReport, holder: usize) -> Cell {
    let waits = Phrase::new().plain("waits for ").label(&format!("[{holder}]"));
    let mode = Phrase::new().plain(&taken_mode(link, report));
    let mut cell = vec![Phrase::new().class(&link.to.name), waits, mode];
    cell.extend(place_lines(&link.taken_at));
    cell
}
