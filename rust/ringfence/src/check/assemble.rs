//! From causes to findings: what the judges say of the same thing becomes one.

use std::collections::BTreeSet;

use ringfence_base::{Origin, SiteId};
use ringfence_diag::{Finding, Link, LockFinding, LockReportKind, PlaceView, Verdict, WaitLink};
use ringfence_lockdep::annotations::STRICT_MODE;
use ringfence_model::Plan;
use ringfence_model::judge::{Breach, Certainty, Hang, HangKind};

use super::collect::{Collected, Collector, Shown};
use super::describe::Describe;

/// A finding in the making.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) finding: Finding,
    /// The choices of the witness.
    pub(super) choices: Vec<u32>,
    /// The place that is at fault.
    site: SiteId,
    /// Classes of the locks that a hang waits for.
    classes: Vec<String>,
}

/// Everything that was collected, as findings without witnesses.
pub(super) fn assemble(plan: &Plan, all: Collector) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let (mut hangs, mut locks) = (Vec::new(), Vec::new());
    for collected in all.found.into_values() {
        let Collected { shown, count, choices, .. } = collected;
        match shown {
            Shown::Breach { breach, object, circle } => {
                let mut draft = breach_draft(plan, &breach, &object, count, choices);
                draft.finding.notes.extend(circle_note(&circle));
                add_breach(&mut drafts, draft);
            }
            Shown::Hang { hang, chain, classes, guilty, circle } => {
                let mut finding = hang_finding(plan, &hang, chain, guilty, count);
                finding.notes.extend(circle_note(&circle));
                hangs.push(Draft { finding, choices, site: guilty.site, classes });
            }
            Shown::Lock(lock) => locks.push((*lock, count, choices)),
        }
    }
    for hang in hangs {
        add_hang(&mut drafts, hang);
    }
    locks.sort_by_key(|(lock, ..)| precedence(lock.kind));
    for (lock, count, choices) in locks {
        add_lock(&mut drafts, lock, count, choices);
    }
    drafts
}

/// Rules whose breach only shows that something could hang; the others are broken by the execution itself.
fn only_predicts(rule: &str) -> bool {
    matches!(rule, "RF301" | "RF302" | "RF303" | "RF304" | "RF305" | "RF401" | "RF402")
}

pub(super) fn blank(rule: &'static str, at: PlaceView, summary: String, count: u64) -> Finding {
    let why = ringfence_diag::rule(rule).map_or_else(String::new, |rule| rule.summary.to_owned());
    Finding {
        rule,
        verdict: Verdict::Confirmed,
        summary,
        why,
        at,
        chain: Vec::new(),
        circular: false,
        lock: None,
        witness: None,
        against_contract: false,
        searched: Vec::new(),
        smallest: None,
        needs: Vec::new(),
        notes: Vec::new(),
        count,
    }
}

/// That Linux itself would not report this.
fn strict_note(context: &str) -> String {
    format!(
        "what {context} runs there counts as a signalling section because it is work of a GPU scheduler (strict \
         mode); Linux does not annotate it: --set strict=off"
    )
}

/// Which fence needs which.
fn circle_note(circle: &[String]) -> Option<String> {
    let first = circle.first()?;
    let needed: Vec<&str> = circle[1..].iter().chain([first]).map(String::as_str).collect();
    Some(format!("{first} needs {}", needed.join(", which needs ")))
}

/// The place is where strict mode begins a section.
fn is_strict(place: &PlaceView) -> bool {
    place.via.as_deref() == Some(STRICT_MODE)
}

fn breach_draft(plan: &Plan, breach: &Breach, object: &str, count: u64, choices: Vec<u32>) -> Draft {
    let summary = match (breach.gfp, object.is_empty()) {
        (Some(gfp), _) => format!("{}: {gfp}", breach.what),
        (None, true) => breach.what.to_owned(),
        (None, false) => format!("{}: {object}", breach.what),
    };
    let mut finding = blank(breach.rule, Describe { plan }.place(breach.origin), summary, count);
    finding.verdict = match breach.certainty {
        Certainty::OfRule if only_predicts(breach.rule) => Verdict::Predicted,
        Certainty::Predicted => Verdict::Predicted,
        Certainty::OfRule | Certainty::Shown => Verdict::Confirmed,
    };
    if breach.strict {
        finding.notes.push(strict_note(&finding.at.task));
    }
    Draft { finding, site: breach.origin.site, classes: Vec::new(), choices }
}

fn hang_finding(plan: &Plan, hang: &Hang, chain: Vec<WaitLink>, guilty: Origin, count: u64) -> Finding {
    let mut finding = blank(hang.rule, Describe { plan }.place(guilty), hang_summary(hang, &chain), count);
    finding.chain = chain;
    finding.circular = hang.kind == HangKind::Deadlock;
    if hang.links[hang.guilty].strict && only_predicts(hang.rule) {
        finding.notes.push(strict_note(&finding.at.task));
    }
    let needs: BTreeSet<&str> = hang.links.iter().flat_map(|link| link.parts.iter().copied()).collect();
    finding.needs = needs.into_iter().map(str::to_owned).collect();
    finding
}

fn hang_summary(hang: &Hang, chain: &[WaitLink]) -> String {
    let WaitLink { context, waits_for, .. } = &chain[hang.guilty];
    if hang.kind == HangKind::LostWakeUp {
        return format!("{context} waits for {waits_for}, and nobody is left who could end that");
    }
    let before = &chain[(hang.guilty + chain.len() - 1) % chain.len()];
    let names: Vec<&str> = chain.iter().map(|link| link.context.as_str()).collect();
    match (before.because.starts_with("must signal"), names.as_slice()) {
        (true, _) => format!("{context} {}, but waits for {waits_for}", before.because),
        (false, [only]) => format!("{only} waits for itself: {waits_for}"),
        (false, _) => format!("deadlock: {} wait for each other", names.join(", ")),
    }
}

/// What was only predicted may have come true in another execution.
fn add_breach(drafts: &mut Vec<Draft>, new: Draft) {
    let other = |draft: &Draft| {
        let verdicts = (draft.finding.verdict, new.finding.verdict);
        draft.finding.rule == new.finding.rule && draft.site == new.site && verdicts.0 != verdicts.1
    };
    let Some(index) = drafts.iter().position(other) else { return drafts.push(new) };
    let count = drafts[index].finding.count.max(new.finding.count);
    if new.finding.verdict == Verdict::Confirmed {
        drafts[index] = new;
    }
    drafts[index].finding.count = count;
}

/// A hang confirms what a monitor has reported at the same place; otherwise it is a finding of its own.
fn add_hang(drafts: &mut Vec<Draft>, hang: Draft) {
    let Some(index) = reported(drafts, &hang) else {
        return drafts.push(hang);
    };
    let draft = &mut drafts[index];
    let finding = &mut draft.finding;
    finding.verdict = Verdict::Confirmed;
    finding.count = finding.count.max(hang.finding.count);
    if finding.chain.is_empty() || hang.finding.chain.len() < finding.chain.len() {
        finding.chain = hang.finding.chain;
        finding.needs = hang.finding.needs;
        finding.circular = hang.finding.circular;
        draft.choices = hang.choices;
        draft.classes = hang.classes;
    }
}

/// What a monitor has reported of the operation that hangs: the same, or, as a page fault that allocates, that it must
/// not be there at all.
fn reported(drafts: &[Draft], hang: &Draft) -> Option<usize> {
    let here = |draft: &Draft| hang.site != SiteId::UNKNOWN && draft.site == hang.site;
    let same = |draft: &Draft| {
        // Whoever waits for its own end has been told so.
        let itself = draft.finding.rule == "RF615" && hang.finding.rule == "RF701";
        (draft.finding.rule == hang.finding.rule || itself) && draft.site == hang.site
    };
    let other = |draft: &Draft| here(draft) && only_predicts(draft.finding.rule);
    drafts.iter().position(same).or_else(|| {
        let predicted = only_predicts(hang.finding.rule);
        drafts.iter().position(other).filter(|_| predicted)
    })
}

/// What the validator reports because it has happened, not because it could.
fn is_a_fact(rule: &str) -> bool {
    matches!(rule, "RF607" | "RF608" | "RF609")
}

/// Which of several reports on the same locks says most: in an interrupt a lock that is taken again is a recursion,
/// too.
fn precedence(kind: LockReportKind) -> u8 {
    match kind {
        LockReportKind::InconsistentUsage => 0,
        LockReportKind::IrqDependency => 1,
        LockReportKind::IrqInversion => 2,
        _ => 3,
    }
}

/// A report of the validator: evidence for a finding at the same place or with the same locks, or one of its own.
fn add_lock(drafts: &mut Vec<Draft>, lock: LockFinding, count: u64, choices: Vec<u32>) {
    if let Some(draft) = drafts.iter_mut().find(|draft| belongs(draft, &lock)) {
        let finding = &mut draft.finding;
        if finding.rule == "RF701" {
            finding.rule = lock.rule;
            finding.why.clone_from(&lock.why);
        }
        finding.lock.get_or_insert(lock);
        return;
    }
    let mut finding = blank(rule_of(&lock), lock.report.at.clone(), lock.summary.clone(), count);
    if !is_a_fact(finding.rule) {
        finding.verdict = Verdict::Predicted;
    }
    if finding.rule == lock.rule {
        finding.why.clone_from(&lock.why);
    } else if finding.rule == "RF303" && !waits_for_fences(&lock) {
        finding.why = ONLY_SECTIONS.into();
    }
    if takes(&lock, |link| is_strict(&link.held_at) || is_strict(&link.taken_at)) {
        finding.notes.push(strict_note(&finding.at.task));
    }
    finding.lock = Some(lock);
    drafts.push(Draft { finding, site: SiteId::UNKNOWN, classes: Vec::new(), choices });
}

/// What a circle means in which nobody waits for a fence.
const ONLY_SECTIONS: &str = "One signalling section begins under the lock, and another one takes it. Nobody waits \
                             for a fence under the lock yet; Linux up to 6.12 reports it all the same, and once \
                             somebody does, it hangs.";

/// A circle through the kernel's annotations breaks the clause that these stand for.
fn rule_of(lock: &LockFinding) -> &'static str {
    match lock.kind {
        LockReportKind::Circular if takes(lock, |link| link.to.name == FENCE_MAP) => "RF303",
        LockReportKind::Circular if takes(lock, reclaims) => "RF405",
        _ => lock.rule,
    }
}

/// The annotation of fences: signalling sections read it, waits write it.
const FENCE_MAP: &str = "dma_fence_map";

fn takes(lock: &LockFinding, what: impl Fn(&Link) -> bool) -> bool {
    lock.report.links.iter().any(what)
}

/// Somebody waits for a fence somewhere on the circle.
fn waits_for_fences(lock: &LockFinding) -> bool {
    takes(lock, |link| link.to.name == FENCE_MAP && link.taken_read == 0)
}

/// An allocation; notifiers run in it, and elsewhere.
fn reclaims(link: &Link) -> bool {
    let allocates = || link.taken_at.via.as_deref().is_some_and(|via| via.starts_with("fs_reclaim_acquire"));
    match link.to.name.as_str() {
        "fs_reclaim" => true,
        "mmu_notifier_invalidate_range_start" => allocates(),
        _ => false,
    }
}

/// Whether a validator report is about what a draft is about.
fn belongs(draft: &Draft, lock: &LockFinding) -> bool {
    use LockReportKind::{Circular, NestLockNotHeld, Recursive, WaitContext};
    let at = &draft.finding.at;
    let here = same_place(&lock.report.at, at);
    // One operation that closes two circles of locks.
    if here && draft.finding.lock.as_ref().is_some_and(|known| known.rule == lock.rule) {
        return true;
    }
    let same_cause = match draft.finding.rule {
        "RF301" | "RF302" | "RF303" | "RF304" | "RF305" | "RF401" | "RF402" | "RF405" => {
            let circle = matches!(lock.kind, Recursive | Circular);
            circle && (here || takes(lock, |link| same_place(&link.taken_at, at)))
        }
        "RF610" => here && lock.kind == WaitContext,
        "RF611" => here && lock.kind == NestLockNotHeld,
        "RF615" => here && matches!(lock.kind, Recursive | Circular),
        _ => false,
    };
    same_cause || same_problem(draft, lock) || hangs_on(draft, lock)
}

fn same_place(a: &PlaceView, b: &PlaceView) -> bool {
    a.line.is_some() && a.file == b.file && a.line == b.line
}

/// The same clash of interrupts, or circle of classes, found from another side.
fn same_problem(draft: &Draft, lock: &LockFinding) -> bool {
    use LockReportKind::{Circular, IrqDependency, IrqInversion};
    let Some(known) = &draft.finding.lock else { return false };
    match (known.kind, lock.kind) {
        (Circular, Circular) => {
            let (known, new) = (circle(known), circle(lock));
            // The exact search also finds ways past the nearest lock.
            known.is_subset(&new) || new.is_subset(&known)
        }
        (IrqDependency | IrqInversion, IrqDependency | IrqInversion) => known.summary == lock.summary,
        _ => false,
    }
}

fn circle(lock: &LockFinding) -> BTreeSet<&str> {
    lock.report.links.iter().map(|link| link.from.name.as_str()).collect()
}

/// The hang is one on the locks that the report is about.
fn hangs_on(draft: &Draft, lock: &LockFinding) -> bool {
    use LockReportKind::{Circular, InconsistentUsage, IrqDependency, IrqInversion, Recursive};
    if !matches!(lock.kind, Circular | Recursive | InconsistentUsage | IrqDependency | IrqInversion) {
        return false;
    }
    let linked = lock.report.links.iter().flat_map(|link| [&link.from.name, &link.to.name]);
    let classes: Vec<&String> = linked.chain([&lock.report.lock.class.name]).collect();
    !draft.classes.is_empty() && draft.classes.iter().all(|class| classes.contains(&class))
}
