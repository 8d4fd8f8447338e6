//! A report in text.

use core::fmt::Write as _;

use ringfence_diag::render::{TextOptions, finding};

use super::report::Report;

/// All findings, and how far the check looked.
pub fn text(report: &Report, options: &TextOptions) -> String {
    let mut blocks: Vec<String> = report.findings.iter().map(|item| finding(item, options)).collect();
    blocks.push(summary(report));
    blocks.join("\n\n")
}

/// One line: what was found, in how many executions.
pub fn summary(report: &Report) -> String {
    let count = report.findings.len();
    let found = match count {
        0 => "nothing found".to_owned(),
        1 => "1 finding".to_owned(),
        _ => format!("{count} findings"),
    };
    let mut line =
        format!("{}: {found} in {} executions, {} steps", report.scenario, report.executions, report.steps);
    if report.bound != 0 {
        let (bound, steps_max) = (report.bound, report.steps_max);
        write!(line, "; {bound} executions were cut off after {steps_max} steps")
            .expect("engine bug: a string can't be written to");
    }
    if report.interrupted {
        line += "; interrupted";
    }
    line
}
