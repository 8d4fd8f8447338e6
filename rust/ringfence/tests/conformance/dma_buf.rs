//! Fences, containers and reservations return what the kernel's returned.

use ringfence::conformance::replay_line;

use crate::support::unpacked;

/// How many disagreements are shown.
const SHOWN: usize = 10;

#[test]
fn dma_buf() {
    let text = unpacked("dma-buf-api.jsonl.xz");
    let mut different = Vec::new();
    let (mut recordings, mut calls) = (0, 0);
    for line in text.lines() {
        let replayed = replay_line(line).unwrap_or_else(|error| panic!("{error}"));
        recordings += 1;
        calls += replayed.steps;
        if let Some(difference) = &replayed.difference {
            different.push(format!("{} ({}): {difference:?}", replayed.id, replayed.family));
        }
    }
    let shown = &different[..different.len().min(SHOWN)];
    assert!(different.is_empty(), "{} of {recordings} disagree:\n{}", different.len(), shown.join("\n"));
    assert_eq!(recordings, 8_000);
    assert!(calls > 250_000, "{calls}");
}
