//! The report of a check's finding.

use core::mem;

use super::phrase::Phrase;
use super::{TextOptions, chain, cycle, smallest};
use crate::render::source::{short_source, source};
use crate::{Finding, LockReportKind, StepView, Verdict, rule};

/// Steps of a witness that are shown; the middle of a longer one is left out.
const STEPS_SHOWN: usize = 60;

/// How a reader runs a witness again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again<'a> {
    /// By calling `replay` on the scenario.
    Call,
    /// By this command line with the replay string behind it.
    Command(&'a str),
}

/// The whole report of a finding of a check, without the last newline. Only the line with the command that runs it
/// again may be wider than it should, so that it can be copied.
pub fn finding(item: &Finding, options: &TextOptions) -> String {
    finding_again(item, options, Again::Call)
}

/// As [`finding`].
pub fn finding_again(finding: &Finding, options: &TextOptions, again: Again<'_>) -> String {
    let width = options.width.max(TextOptions::MIN_WIDTH);
    let sections = if is_refuted(finding) {
        vec![
            headline(finding, width),
            remarks(finding, width),
            validator(finding, width),
            searched(finding, width),
            notes(finding, width, again),
        ]
    } else {
        vec![
            headline(finding, width),
            chain::picture(finding, width),
            why(finding, width),
            validator(finding, width),
            witness(finding, width),
            searched(finding, width),
            smallest::smallest(finding, width, again),
            notes(finding, width, again),
        ]
    };
    let blocks: Vec<String> = sections
        .iter()
        .filter(|section| !section.is_empty())
        .map(|section| section.iter().map(|line| line.paint(options.style)).collect::<Vec<_>>().join("\n"))
        .collect();
    blocks.join("\n\n")
}

/// It is no mistake: how it would hang, and what helps, are of no interest then.
fn is_refuted(finding: &Finding) -> bool {
    finding.verdict == Verdict::Refuted
}

/// Steps of an execution, a line each, without the last newline.
pub fn steps(steps: &[StepView], options: &TextOptions) -> String {
    let width = options.width.max(TextOptions::MIN_WIDTH);
    let name = name_width(steps);
    let lines = steps.iter().flat_map(|item| step(item, name, width));
    lines.map(|line| line.paint(options.style)).collect::<Vec<_>>().join("\n")
}

/// Columns for the names of contexts.
fn name_width(steps: &[StepView]) -> usize {
    steps.iter().map(|step| step.context.chars().count()).max().unwrap_or(0).min(24)
}

fn headline(finding: &Finding, width: usize) -> Vec<Phrase> {
    let name = rule(finding.rule).map_or("", |rule| rule.name);
    let head = Phrase::new().headline(finding.rule).plain(" ").headline(name).plain(": ");
    let mut lines = head.verdict(finding.verdict.as_str()).wrap(width, 2);
    lines.extend(Phrase::new().plain(&finding.summary).wrap(width, 2));
    let at = source(&finding.at).unwrap_or_else(|| format!("step {}", finding.at.op));
    lines.extend(Phrase::new().plain("at ").place(&at).plain(", ").plain(&finding.at.task).wrap(width, 2));
    lines
}

fn why(finding: &Finding, width: usize) -> Vec<Phrase> {
    if finding.why.is_empty() {
        return Vec::new();
    }
    Phrase::new().label("Why: ").plain(&finding.why).wrap(width, 2)
}

/// What the validator says of it: the circle of classes, if it is one.
fn validator(finding: &Finding, width: usize) -> Vec<Phrase> {
    let Some(lock) = &finding.lock else { return Vec::new() };
    let head = Phrase::new().label("Validator: ").plain(lock.rule).plain(", ").plain(&lock.summary);
    let mut lines = head.wrap(width, 2);
    // With a hang in front of the reader the classes would only say it again.
    if lock.kind == LockReportKind::Circular && finding.chain.is_empty() {
        lines.push(Phrase::new());
        lines.extend(cycle::picture(&lock.report, width));
    }
    lines
}

/// What happened, step by step: number, context, operation, place.
fn witness(finding: &Finding, width: usize) -> Vec<Phrase> {
    let Some(witness) = &finding.witness else { return Vec::new() };
    let count = witness.steps.len();
    let mut lines = Phrase::new().label("Schedule").plain(&format!(" ({count} steps):")).wrap(width, 2);
    if let Some(deviations) = &witness.deviations {
        lines.extend(smallest::deviations(deviations, witness.fewest).wrap(width, 2));
    }
    let name = name_width(&witness.steps);
    let (head, tail) = if count > STEPS_SHOWN {
        (&witness.steps[..STEPS_SHOWN / 2], &witness.steps[count - STEPS_SHOWN / 2..])
    } else {
        (&witness.steps[..], &[][..])
    };
    // A step in which a kernel function went on says nothing.
    let shown = |steps: &[StepView]| -> Vec<Phrase> {
        steps.iter().filter(|step| !step.what.is_empty()).flat_map(|item| step(item, name, width)).collect()
    };
    lines.extend(shown(head));
    if !tail.is_empty() {
        lines.push(Phrase::new().plain(&format!("  … {} steps …", count - STEPS_SHOWN)));
        lines.extend(shown(tail));
    }
    lines
}

/// How far the search for a hang went, if none was found.
fn searched(finding: &Finding, width: usize) -> Vec<Phrase> {
    if finding.searched.is_empty() {
        return Vec::new();
    }
    let what = |contract: bool| -> Vec<String> {
        let of = finding.searched.iter().filter(|search| search.contract == contract);
        of.map(|search| format!("{} {}", search.executions, search.method)).collect()
    };
    let complete =
        |contract: bool| finding.searched.iter().any(|search| search.contract == contract && search.complete);
    let all = |contract: bool| if complete(contract) { ", which stand for all there are" } else { "" };
    let mut text =
        format!("no hang in these executions of the scenario: {}{}", what(false).join(", "), all(false));
    let contract = what(true);
    if !contract.is_empty() {
        text += "; nor with everything that the contract allows others: ";
        text += &contract.join(", ");
        text += all(true);
    }
    Phrase::new().label("Searched: ").plain(&text).plain(".").wrap(width, 2)
}

/// A step: number, context, what it did and where; on a narrow terminal in a line of its own below the context.
fn step(step: &StepView, name: usize, width: usize) -> Vec<Phrase> {
    let mut body = Phrase::new().plain(&step.what.join(", "));
    if let Some(at) = short_source(&step.at) {
        let space = if step.what.is_empty() { "at " } else { " at " };
        body = body.plain(space).place(&at);
    }
    let head = Phrase::new().plain(&format!("{:>4}  ", step.number)).label(&step.context);
    let beside = name + 8;
    if width < 2 * beside || head.width() > beside {
        let mut lines = if head.width() <= width { vec![head] } else { head.fit(width) };
        lines.extend(indented(&body, 8, width));
        return lines;
    }
    let mut margin = head.pad(beside);
    let lines = body.wrap(width - beside, 0);
    lines.into_iter().map(|line| mem::replace(&mut margin, Phrase::new().pad(beside)).then(line)).collect()
}

/// The lines of a phrase behind so many spaces.
fn indented(phrase: &Phrase, indent: usize, width: usize) -> Vec<Phrase> {
    let lines = phrase.wrap(width.saturating_sub(indent), 0);
    lines.into_iter().map(|line| Phrase::new().plain(&" ".repeat(indent)).then(line)).collect()
}

fn notes(finding: &Finding, width: usize, again: Again<'_>) -> Vec<Phrase> {
    let mut lines = Vec::new();
    if !finding.needs.is_empty() {
        let needs = finding.needs.join(", ");
        let of = if finding.against_contract {
            " of the contract; the scenario's own environment does not show it"
        } else {
            " of the environment"
        };
        lines.extend(Phrase::new().label("Needs: ").plain(&needs).plain(of).wrap(width, 2));
    }
    if !is_refuted(finding) {
        lines.extend(remarks(finding, width));
    }
    if let Some(silence) = finding.lock.as_ref().and_then(|lock| lock.silence) {
        lines.extend(Phrase::new().label("Silence: ").plain(silence.explanation()).plain(".").wrap(width, 2));
    }
    if finding.count > 1 {
        lines.push(Phrase::new().plain(&format!("Met in {} executions.", finding.count)));
    }
    if !is_refuted(finding) {
        lines.extend(fixes(finding, width));
    }
    lines.push(Phrase::new().plain(&format!("ringfence explain {}", finding.rule)));
    if let Some(witness) = &finding.witness {
        let schedule = &witness.schedule;
        let again = match again {
            Again::Call if finding.against_contract => {
                format!("with_environment(rf.contract()).replay(\"{schedule}\")")
            }
            Again::Call => format!("replay(\"{schedule}\")"),
            Again::Command(command) if finding.against_contract => format!("{command} --contract {schedule}"),
            Again::Command(command) => format!("{command} {schedule}"),
        };
        lines.push(Phrase::new().label("Again: ").plain(&again));
    }
    lines
}

/// What else there is to say.
fn remarks(finding: &Finding, width: usize) -> Vec<Phrase> {
    let label = if is_refuted(finding) { "Refuted: " } else { "Note: " };
    let one = |note: &String| Phrase::new().label(label).plain(note).plain(".").wrap(width, 2);
    finding.notes.iter().flat_map(one).collect()
}

fn fixes(finding: &Finding, width: usize) -> Vec<Phrase> {
    let Some(rule) = rule(finding.rule) else { return Vec::new() };
    Phrase::new().label("Fix: ").plain(&rule.fixes.join("; or ")).wrap(width, 2)
}
