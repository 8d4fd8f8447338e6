//! The exact search beside the kernel's: never later, and where it differs it says why the kernel is silent.

use ringfence::lockdep::{Decided, Describe};
use ringfence::validator::{Search, Verdict};

use crate::support::{RANDOM_NO_MMU_NOTIFIER, RANDOM_READ, RECORDINGS, Recording, decide};

/// Circles that lockdep's chain cache, or its marking before filtering, hid from it in `random-read`…
const MISSED: [&str; 8] = [
    "train-01274",
    "train-03582",
    "train-05279",
    "train-08073",
    "train-11521",
    "train-12483",
    "train-14530",
    "train-23622",
];
/// … and without the MMU notifier.
const MISSED_NO_MMU_NOTIFIER: [&str; 2] = ["nomn-train-00753", "nomn-train-01077"];

fn both(recording: &Recording) -> Vec<(Decided, Decided)> {
    let kernel = decide(recording.input(), recording.options(Search::Kernel, 2));
    let mut options = recording.options(Search::Exact, 2);
    options.describe = Describe::Everything;
    let exact = decide(recording.input(), options);
    assert_eq!(kernel.len(), exact.len());
    kernel.into_iter().zip(exact).collect()
}

fn place(verdict: Option<Verdict>) -> Option<(u64, &'static str)> {
    verdict.map(|verdict| (verdict.at, verdict.kind.as_str()))
}

#[test]
fn exact_is_never_later_and_tells_of_silence() {
    for recording in RECORDINGS {
        for (kernel, exact) in both(&recording) {
            let id = &kernel.id;
            if let Some(kernel) = kernel.verdict {
                let exact = exact.verdict.unwrap_or_else(|| panic!("{id}: exact is silent"));
                assert!(exact.at <= kernel.at, "{id}: {exact:?} is later than {kernel:?}");
            }
            let silence = exact.findings.first().and_then(|finding| finding.silence);
            let same = place(kernel.verdict) == place(exact.verdict);
            assert_eq!(
                silence.is_none(),
                same,
                "{id}: kernel {:?}, exact {:?}",
                kernel.verdict,
                exact.verdict
            );
        }
    }
}

fn assert_found(recording: &Recording, missed: &[&str]) {
    let pairs = both(recording);
    for id in missed {
        let pair = pairs.iter().find(|(kernel, _)| kernel.id == *id);
        let (kernel, exact) = pair.unwrap_or_else(|| panic!("{id} is not in {}", recording.file));
        let found = exact.verdict.unwrap_or_else(|| panic!("{id}: exact finds nothing"));
        let earlier = kernel.verdict.is_none_or(|kernel| found.at < kernel.at);
        assert!(earlier, "{id}: kernel {:?}, exact {found:?}", kernel.verdict);
        assert!(exact.findings[0].silence.is_some(), "{id}: the finding does not say that Linux is silent");
    }
}

#[test]
fn exact_finds_what_lockdep_missed() {
    assert_found(&RANDOM_READ, &MISSED);
    assert_found(&RANDOM_NO_MMU_NOTIFIER, &MISSED_NO_MMU_NOTIFIER);
}
