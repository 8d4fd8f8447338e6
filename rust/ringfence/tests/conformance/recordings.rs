//! The kernel's search says of every recording what the kernel said.

use ringfence::lockdep::{Decided, agrees, verdict_json};
use ringfence::validator::Search;
use ringfence::validator::trace::{Expected, ExpectedKind};

use crate::support::{
    RANDOM_NO_MMU_NOTIFIER, RANDOM_READ, RANDOM_READ_TRYLOCK, Recording, SELFTESTS, decide,
};

/// How many disagreements are shown.
const SHOWN: usize = 10;

fn recorded(decided: &Decided) -> &Expected {
    decided.expected.as_ref().unwrap_or_else(|| panic!("{}: no verdict", decided.id))
}

/// Decides all of it, with two threads and with one.
fn agree(recording: &Recording) -> Vec<Decided> {
    let all = decide(recording.input(), recording.options(Search::Kernel, 2));
    assert_eq!(all.len(), recording.traces, "{}", recording.file);
    let wrong: Vec<String> = all
        .iter()
        .filter(|decided| !agrees(recorded(decided), decided.verdict))
        .map(|decided| {
            let Decided { id, line, expected, verdict, .. } = decided;
            format!("line {line}, {id}: recorded {expected:?}, ours {}", verdict_json(*verdict))
        })
        .collect();
    let shown = &wrong[..wrong.len().min(SHOWN)];
    assert!(wrong.is_empty(), "{}: {} disagree:\n{}", recording.file, wrong.len(), shown.join("\n"));

    let again = decide(recording.input(), recording.options(Search::Kernel, 1));
    let bare = |decided: &Decided| (decided.line, decided.id.clone(), decided.ops, decided.verdict);
    assert!(again.iter().map(bare).eq(all.iter().map(bare)), "the number of threads changes the outcome");
    all
}

#[test]
fn random_read() {
    agree(&RANDOM_READ);
}

#[test]
fn random_read_trylock() {
    agree(&RANDOM_READ_TRYLOCK);
}

#[test]
fn random_no_mmu_notifier() {
    agree(&RANDOM_NO_MMU_NOTIFIER);
}

#[test]
fn selftests_and_silence_about_ww_mutex_misuse() {
    let all = agree(&SELFTESTS);
    let ww_api =
        |decided: &&Decided| matches!(recorded(decided), Expected::Report { kind: ExpectedKind::WwApi, .. });
    let misuse: Vec<&Decided> = all.iter().filter(ww_api).collect();
    assert_eq!(misuse.len(), 14);
    assert!(misuse.iter().all(|decided| decided.verdict.is_none()));
}

/// The profile matters: each of the two special recordings has verdicts that 6.12 as it is does not give.
#[test]
fn recordings_need_their_profile() {
    for recording in [RANDOM_READ_TRYLOCK, RANDOM_NO_MMU_NOTIFIER] {
        let all = decide(recording.input(), RANDOM_READ.options(Search::Kernel, 2));
        let wrong = all.iter().filter(|decided| !agrees(recorded(decided), decided.verdict)).count();
        assert!(wrong > 50, "{}: {wrong}", recording.file);
    }
}
