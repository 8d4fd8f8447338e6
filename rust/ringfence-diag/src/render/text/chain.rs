//! The picture of a hang: one column per context that can't go on.

use super::columns::{Cell, Column, Table};
use super::phrase::Phrase;
use super::words::place_lines;
use crate::render::source::source;
use crate::{Finding, WaitLink};

/// One column per link; each waits for the next one, in a circle the last for the first.
pub(super) fn picture(finding: &Finding, width: usize) -> Vec<Phrase> {
    let count = finding.chain.len();
    if count == 0 {
        return Vec::new();
    }
    let next = |i: usize| match (i + 1 < count, finding.circular) {
        (true, _) => Some(i + 2),
        (false, true) => Some(1),
        (false, false) => None,
    };
    let columns = finding.chain.iter().enumerate().map(|(i, link)| Column {
        title: Phrase::new().label(&format!("[{}]", i + 1)).plain(" ").plain(&link.context),
        cells: vec![inside(link), section(link), holds(link), waits(link, next(i))],
    });
    let table = Table { rows: vec!["in", "section", "holds", "waits for"], columns: columns.collect() };
    let intro = match (finding.circular, count) {
        (true, 1) => "It waits for itself:".to_owned(),
        (true, _) => format!("{count} contexts that wait for each other, a column each:"),
        (false, _) => "Nothing can happen any more, and somebody still waits:".to_owned(),
    };
    let mut lines = Phrase::new().plain(&intro).wrap(width, 2);
    lines.extend(table.lines(width));
    lines
}

fn inside(link: &WaitLink) -> Cell {
    link.inside.iter().map(|what| Phrase::new().plain(what)).collect()
}

fn section(link: &WaitLink) -> Cell {
    let Some(section) = &link.section else { return Vec::new() };
    let at = source(section).unwrap_or_else(|| "open".into());
    vec![Phrase::new().plain("signalling, since"), Phrase::new().place(&at)]
}

fn holds(link: &WaitLink) -> Cell {
    let mut cell = Vec::new();
    for held in &link.held {
        let name = Phrase::new().class(&held.lock);
        cell.push(if held.shared { name.plain(", for reading") } else { name });
        cell.extend(source(&held.at).map(|at| Phrase::new().place(&at)));
    }
    cell
}

fn waits(link: &WaitLink, next: Option<usize>) -> Cell {
    let mut cell = vec![Phrase::new().class(&link.waits_for)];
    cell.extend(place_lines(&link.at));
    let because = match next {
        Some(next) => Phrase::new().label(&format!("[{next}]")).plain(" ").plain(&link.because),
        None => Phrase::new().plain(&link.because),
    };
    cell.push(because);
    if !link.others.is_empty() {
        cell.push(Phrase::new().plain(&format!("so could {}", link.others.join(", "))));
    }
    cell
}
