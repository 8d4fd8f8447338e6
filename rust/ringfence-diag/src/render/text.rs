//! A report for people.
//!
//! lockdep's own summary is right for two locks; this one shows every context of the cycle in a
//! column of its own, says of each lock whether it was read or written and who waits for whom, and
//! never prints a line wider than it was told.

mod chain;
mod check;
mod columns;
mod cycle;
mod details;
mod interrupt;
mod phrase;
mod single;
mod smallest;
mod words;

use crate::{LockFinding, LockReportKind, rule};
use phrase::Phrase;

pub use check::{Again, finding, finding_again, steps};

/// How text is coloured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Style {
    /// No escape sequences.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

/// How a report is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TextOptions {
    /// Colours or none.
    pub style: Style,
    /// Columns of the terminal; no line is wider. Below [`TextOptions::MIN_WIDTH`] counts as that.
    pub width: usize,
}

impl TextOptions {
    /// The narrowest layout, in columns.
    pub const MIN_WIDTH: usize = 32;
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { style: Style::Plain, width: 100 }
    }
}

/// The whole report, without the last newline.
pub fn text(finding: &LockFinding, options: &TextOptions) -> String {
    let width = options.width.max(TextOptions::MIN_WIDTH);
    let mut sections = vec![headline(finding, width), picture(finding, width)];
    sections.push(Phrase::new().label("Why: ").plain(&finding.why).wrap(width, 2));
    sections.push(details::links(finding, width));
    sections.push(details::usages(&finding.report, width));
    sections.push(details::held(&finding.report, width));
    sections.push(notes(finding, width));
    let paint =
        |section: &Vec<Phrase>| section.iter().map(|line| line.paint(options.style)).collect::<Vec<_>>();
    let blocks: Vec<String> = sections
        .iter()
        .filter(|section| !section.is_empty())
        .map(|section| paint(section).join("\n"))
        .collect();
    blocks.join("\n\n")
}

/// Rule, verdict, operation; below it the summary.
fn headline(finding: &LockFinding, width: usize) -> Vec<Phrase> {
    let name = rule(finding.rule).map_or(finding.kind.as_str(), |rule| rule.name);
    let head = Phrase::new()
        .headline(finding.rule)
        .plain(" ")
        .headline(name)
        .plain(": ")
        .verdict(finding.verdict.as_str());
    let mut lines = head.plain(&format!(" at op {}", finding.op())).wrap(width, 2);
    lines.extend(Phrase::new().plain(&finding.summary).wrap(width, 2));
    lines
}

fn picture(finding: &LockFinding, width: usize) -> Vec<Phrase> {
    match finding.kind {
        LockReportKind::Circular => cycle::picture(&finding.report, width),
        LockReportKind::IrqDependency | LockReportKind::InconsistentUsage | LockReportKind::IrqInversion => {
            interrupt::picture(&finding.report, width)
        }
        _ => single::picture(finding, width),
    }
}

/// What lockdep would have missed, how often it happened, where to read on.
fn notes(finding: &LockFinding, width: usize) -> Vec<Phrase> {
    let mut lines = Vec::new();
    if let Some(silence) = finding.silence {
        lines.extend(Phrase::new().label("Silence: ").plain(silence.explanation()).plain(".").wrap(width, 2));
    }
    if finding.count > 1 {
        lines.push(Phrase::new().plain(&format!("Met {} times.", finding.count)));
    }
    lines.push(Phrase::new().plain(&format!("ringfence explain {}", finding.rule)));
    lines
}
