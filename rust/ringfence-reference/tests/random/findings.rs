//! What every finding must be, whatever it found.

use ringfence_diag::{DependencyKind, Link, LockFinding, LockReportKind};
use ringfence_lockdep::trace::Trace;

fn shared(link: &Link) -> bool {
    matches!(link.kind, DependencyKind::SR | DependencyKind::SN)
}

fn recursive(link: &Link) -> bool {
    matches!(link.kind, DependencyKind::SR | DependencyKind::ER)
}

/// The second link goes on where the first ends, and the two of them can block.
fn follows(first: &Link, second: &Link) -> bool {
    first.to.name == second.from.name && !(recursive(first) && shared(second))
}

/// The name is that of a class of the trace, with its subclass if it has one.
fn named(name: &str, trace: &Trace) -> bool {
    let (class, subclass) = name.split_once('/').unwrap_or((name, "0"));
    trace.classes.iter().any(|known| known == class) && subclass.parse::<u32>().is_ok()
}

fn links_complaint(links: &[Link], trace: &Trace) -> Option<String> {
    let all_named = links.iter().all(|link| named(&link.from.name, trace) && named(&link.to.name, trace));
    let connected = links.windows(2).all(|pair| follows(&pair[0], &pair[1]));
    let kinds = links
        .iter()
        .all(|link| shared(link) == (link.held_read != 0) && recursive(link) == (link.taken_read == 2));
    match () {
        () if !all_named => Some("a link without a class".into()),
        () if !connected => Some("links that don't follow each other".into()),
        () if !kinds => Some("a link whose kind is not how it was held and taken".into()),
        () => None,
    }
}

/// What is wrong with the finding.
pub(crate) fn complaint(finding: &LockFinding, trace: &Trace) -> Option<String> {
    let links = &finding.report.links;
    let complaint = |what: &str| Some(format!("{} at {}: {what}", finding.kind, finding.op()));
    if finding.op() >= trace.ops.len() as u64 || finding.count == 0 {
        return complaint("nowhere or never");
    }
    // A release of what is not held may name a lock whose class does not exist yet.
    if finding.kind != LockReportKind::UnlockImbalance && !named(&finding.report.lock.class.name, trace) {
        return complaint("a lock without a class");
    }
    if let Some(what) = links_complaint(links, trace) {
        return complaint(&what);
    }
    match finding.kind {
        LockReportKind::Circular => {
            let [first, .., last] = &links[..] else { return complaint("a circle of less than two links") };
            if !follows(last, first) {
                return complaint("an open circle");
            }
            if links.iter().filter(|link| link.new).count() != 1 || !last.new {
                return complaint("the new link is not the last");
            }
        }
        LockReportKind::IrqDependency | LockReportKind::IrqInversion => {
            let Some(usage) = &finding.report.usage else { return complaint("no usage") };
            let ends = links.first().zip(links.last());
            if ends.is_some_and(|(first, last)| {
                first.from.name != usage.safe.name || last.to.name != usage.unsafe_.name
            }) {
                return complaint("a path that does not lead from the safe class to the unsafe one");
            }
            if finding.kind == LockReportKind::IrqDependency && !links.iter().any(|link| link.new) {
                return complaint("no new link");
            }
        }
        _ => {}
    }
    None
}
