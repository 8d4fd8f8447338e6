//! Strict mode: what is found only because of it says so, and is not found without it.

use ringfence::check::{Options, Report, check};
use ringfence_base::scenario::{Arg, GpuHang, Kind, Op, Stmt};
use ringfence_base::{Gfp, SiteId, SourceLocation};
use ringfence_diag::Finding;
use ringfence_lockdep::annotations::Profile;

use crate::build::{op, op_out};
use crate::card::{Card, Config, MS, NORMAL, r, spares};

/// A driver that allocates in `run_job`, in a section of its own or not.
fn allocates(in_section: bool) -> Card {
    let mut card = Card::new(&Config::default(), spares);
    let run = card.build.scenario.programs.iter_mut().find(|program| program.name == "run_job");
    let run = run.expect("a scheduler's driver");
    run.registers.extend([Kind::Memory, Kind::Cookie]);
    let mut body = vec![op_out(Op::Kmalloc, &[Arg::Gfp(Gfp::KERNEL)], 2), op(Op::Kfree, &[r(2)])];
    // What is found at a known place is one finding.
    if let Stmt::Op(operation) = &mut body[0] {
        operation.at = SiteId::new(1);
    }
    if in_section {
        body.insert(0, op_out(Op::DmaFenceBeginSignalling, &[], 3));
        body.push(op(Op::DmaFenceEndSignalling, &[r(3)]));
    }
    run.body.splice(0..0, body);
    let (entity, work) = (card.entity("client", NORMAL), card.work("draw", MS, GpuHang::No));
    let submit = card.submit(entity, work, 1);
    card.thread("client", submit);
    card.build.scenario.sites.push(SourceLocation { file: "x.py".into(), line: 7, function: String::new() });
    card
}

fn report(card: &Card, strict: bool) -> Report {
    let profile = Profile { strict, ..Profile::default() };
    let options = Options { executions: 100, steps_max: 5_000, profile, ..crate::unminimised() };
    check(&card.build.scenario, &options, &|_| true).expect("a valid scenario")
}

/// The one finding.
fn only(report: &Report) -> &Finding {
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert_eq!(finding.rule, "RF401");
    finding
}

#[test]
fn what_linux_does_not_annotate_is_named() {
    let strict = report(&allocates(false), true);
    let [note] = only(&strict).notes.as_slice() else { panic!("{strict:#?}") };
    assert!(note.contains("kworker/0-sched") && note.contains("strict mode"), "{note}");
    assert!(note.contains("--set strict=off"), "{note}");
    assert_eq!(report(&allocates(false), false).findings, []);
}

#[test]
fn what_linux_annotates_needs_no_strict_mode() {
    for strict in [true, false] {
        assert!(only(&report(&allocates(true), strict)).notes.is_empty());
    }
}
