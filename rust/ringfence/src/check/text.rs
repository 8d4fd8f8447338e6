//! A report in text.

use core::fmt::Write as _;

use ringfence_base::End;
use ringfence_diag::Verdict;
use ringfence_diag::render::{Again, TextOptions, finding_again, steps};

use super::inspect::Execution;
use super::report::Report;

/// All findings, and how far the check looked.
pub fn text(report: &Report, options: &TextOptions, again: Again<'_>) -> String {
    let mut blocks: Vec<String> =
        report.findings.iter().map(|item| finding_again(item, options, again)).collect();
    blocks.push(summary(report));
    blocks.join("\n\n")
}

/// One line: what was found, in how many executions.
pub fn summary(report: &Report) -> String {
    let refuted = report.findings.iter().filter(|finding| finding.verdict == Verdict::Refuted).count();
    let mut found = match report.findings.len() - refuted {
        0 => "nothing found".to_owned(),
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    if refuted != 0 {
        write!(found, ", {refuted} refuted,").expect("engine bug: a string can't be written to");
    }
    let all = if report.complete { ", which stand for all there are" } else { "" };
    let (executions, steps) = (report.executions, report.steps);
    let mut line = format!("{}: {found} in {executions} executions, {steps} steps{all}", report.scenario);
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

/// The steps of an execution, and how it ended.
pub fn execution(execution: &Execution, options: &TextOptions) -> String {
    let mut text = steps(execution.steps(), options);
    if !text.is_empty() {
        text.push('\n');
    }
    let count = execution.steps().len();
    let (end, meaning) = match execution.end() {
        End::Finished => ("finished", ""),
        End::Hung => ("hung", ": nothing can happen any more, and somebody still waits"),
        End::Bound => ("cut off", ""),
        End::Interrupted => ("interrupted", ""),
    };
    write!(text, "{end} after {count} steps{meaning}").expect("engine bug: a string can't be written to");
    text
}
