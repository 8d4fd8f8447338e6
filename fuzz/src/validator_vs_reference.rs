//! `validator_vs_reference`: the exact search says what a naive implementation says, which enumerates walks
//! and keeps nothing else.

use ringfence::base::Limits;
use ringfence::diag::LockReportKind;
use ringfence::validator::trace::{Replay, parse};
use ringfence::validator::{AfterReport, Search, Verdict};

use crate::trace_bytes::{Decoded, decode};

/// The reference enumerates walks: longer traces would take it too long.
const OPS_MAX: usize = 80;

/// Decodes the bytes and compares.
pub fn run(data: &[u8]) {
    let Decoded { mut profile, line } = decode(data);
    // The reference knows none of these.
    profile.limits = Limits::default();
    profile.raw_lock_nesting = true;
    profile.lockdep = true;
    let mut trace = parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{line}"));
    trace.ops.truncate(OPS_MAX);
    let mut replay = Replay::new(profile, Search::Exact, AfterReport::Stop);
    let mut verdict = replay.run(&trace).expect("a parsed trace can be run");
    // The planted bug: memory may be freed with a lock in it.
    if cfg!(feature = "canary") {
        verdict = verdict.filter(|verdict| verdict.kind != LockReportKind::HeldLockFreed);
    }
    let reference = ringfence_reference::verdict(&trace, profile);
    let bare = |verdict: Option<Verdict>| verdict.map(|verdict| (verdict.at, verdict.kind));
    assert_eq!(bare(verdict), bare(reference), "left: ours, right: reference\n{line}");
    // The reference records every dependency, also one that a path stands for, and so may know a shortcut.
    let cycle = |verdict: Option<Verdict>| verdict.and_then(|verdict| verdict.cycle);
    assert!(cycle(verdict) >= cycle(reference), "{verdict:?} is shorter than {reference:?}\n{line}");
}
