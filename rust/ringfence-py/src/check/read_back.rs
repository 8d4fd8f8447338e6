//! Findings and reports of checks from their JSON, for pickling.

use ringfence::check::Report;
use ringfence::diag::{
    DeviationView, Finding, HeldView, SearchView, SmallestView, StepView, Verdict, WaitLink, Witness, rules,
};
use serde_json::Value;

use crate::finding::read_back::{list, lock_finding, number, optional, place, string};

/// `None`: not what `Finding.json()` writes.
pub(super) fn finding(text: &str) -> Option<Finding> {
    finding_of(&serde_json::from_str(text).ok()?)
}

/// `None`: not what `Report.json()` writes.
pub(super) fn report(text: &str) -> Option<Report> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(Report {
        scenario: string(&value["scenario"])?,
        findings: list(&value["findings"], finding_of)?,
        executions: number(&value["executions"])?,
        steps: number(&value["steps"])?,
        bound: number(&value["bound"])?,
        steps_max: number(&value["steps_max"])?,
        complete: value["complete"].as_bool()?,
        searches: list(&value["searches"], search)?,
        interrupted: value["interrupted"].as_bool()?,
    })
}

fn finding_of(value: &Value) -> Option<Finding> {
    let rule = value["rule"].as_str()?;
    let verdicts = [Verdict::Refuted, Verdict::Predicted, Verdict::Confirmed];
    Some(Finding {
        rule: rules().iter().find(|known| known.code == rule)?.code,
        verdict: verdicts.into_iter().find(|verdict| value["verdict"] == verdict.as_str())?,
        summary: string(&value["summary"])?,
        why: string(&value["why"])?,
        at: place(&value["at"])?,
        chain: list(&value["chain"], link)?,
        circular: value["circular"].as_bool()?,
        lock: optional(&value["lock"], lock_finding)?,
        witness: optional(&value["witness"], witness)?,
        against_contract: value["against_contract"].as_bool()?,
        searched: list(&value["searched"], search)?,
        smallest: optional(&value["smallest"], smallest)?,
        needs: list(&value["needs"], string)?,
        notes: list(&value["notes"], string)?,
        count: number(&value["count"])?,
    })
}

fn search(value: &Value) -> Option<SearchView> {
    Some(SearchView {
        method: string(&value["method"])?,
        contract: value["contract"].as_bool()?,
        executions: number(&value["executions"])?,
        steps: number(&value["steps"])?,
        complete: value["complete"].as_bool()?,
    })
}

fn link(value: &Value) -> Option<WaitLink> {
    Some(WaitLink {
        context: string(&value["context"])?,
        waits_for: string(&value["waits_for"])?,
        at: place(&value["at"])?,
        inside: list(&value["inside"], string)?,
        held: list(&value["held"], held)?,
        section: optional(&value["section"], place)?,
        because: string(&value["because"])?,
        others: list(&value["others"], string)?,
    })
}

fn held(value: &Value) -> Option<HeldView> {
    Some(HeldView {
        lock: string(&value["lock"])?,
        class: string(&value["class"])?,
        shared: value["shared"].as_bool()?,
        at: place(&value["at"])?,
    })
}

fn witness(value: &Value) -> Option<Witness> {
    let deviations = optional(&value["deviations"], |deviations| list(deviations, deviation))?;
    Some(Witness {
        schedule: string(&value["schedule"])?,
        steps: list(&value["steps"], step)?,
        deviations,
        fewest: value["fewest"].as_bool()?,
    })
}

fn deviation(value: &Value) -> Option<DeviationView> {
    Some(DeviationView {
        step: number(&value["step"])?,
        context: string(&value["context"])?,
        instead_of: optional(&value["instead_of"], string)?,
        what: string(&value["what"])?,
    })
}

fn smallest(value: &Value) -> Option<SmallestView> {
    Some(SmallestView {
        threads: number(&value["threads"])?,
        of_threads: number(&value["of_threads"])?,
        statements: number(&value["statements"])?,
        of_statements: number(&value["of_statements"])?,
        scenario: string(&value["scenario"])?,
        code: string(&value["code"])?,
        choices: list(&value["choices"], number)?,
        deviations: list(&value["deviations"], deviation)?,
        fewest: value["fewest"].as_bool()?,
    })
}

fn step(value: &Value) -> Option<StepView> {
    Some(StepView {
        number: number(&value["number"])?,
        context: string(&value["context"])?,
        what: list(&value["what"], string)?,
        at: place(&value["at"])?,
    })
}
