//! The model blocks, wakes and kills whom the kernel did.

use ringfence::conformance::{RecordingError, replay_line as replay};

use crate::support::unpacked;

#[test]
fn ww_mutex() {
    let text = unpacked("ww-mutex.jsonl.xz");
    let mut different = Vec::new();
    let (mut recordings, mut steps) = (0, 0);
    for line in text.lines() {
        let replayed = replay(line).unwrap_or_else(|error| panic!("{error}"));
        recordings += 1;
        steps += replayed.steps;
        if let Some(difference) = replayed.difference {
            different.push(format!("{}: {difference:?}", replayed.id));
        }
    }
    assert!(
        different.is_empty(),
        "{} disagree:\n{}",
        different.len(),
        different[..different.len().min(10)].join("\n")
    );
    assert_eq!(recordings, 1_000);
    assert!(steps > 18_000, "{steps}");
}

/// A result, a missing completion and a completion too many are each noticed.
#[test]
fn a_recording_that_is_wrong_is_told_apart() {
    let recording = |last: &str| {
        format!(
            r#"{{"id":"wrong","class":"wait-die","threads":2,"mutexes":1,"steps":[
                {{"thread":0,"op":["lock_no_ctx",0],"completed":{{"0":0}}}},
                {{"thread":1,"op":["trylock_no_ctx",0],"completed":{{"1":0}}}},
                {{"thread":1,"op":["lock_no_ctx",0],"completed":{last}}}]}}"#
        )
    };
    let differs = |last: &str| replay(&recording(last)).expect("it can be read").difference.is_some();
    assert!(!differs("{}"));
    assert!(differs(r#"{"1":0}"#));
    assert!(differs(r#"{"0":0}"#));
}

#[test]
fn what_is_no_recording_is_refused() {
    assert!(matches!(replay("{}"), Err(RecordingError::Json(_))));
    let recording = |steps: &str| {
        format!(r#"{{"id":"bad","class":"wound-wait","threads":1,"mutexes":1,"steps":[{steps}]}}"#)
    };
    let step = |thread: u32, op: &str| format!(r#"{{"thread":{thread},"op":{op},"completed":{{}}}}"#);
    let twice = format!(
        "{},{}",
        step(0, r#"["lock_no_ctx",0]"#).replace("{}", r#"{"0":0}"#),
        step(0, r#"["lock_no_ctx",0]"#)
    );
    let busy = format!("{twice},{}", step(0, r#"["unlock",0]"#));
    for (steps, what) in [
        (step(1, r#"["ctx_init"]"#), "bad, steps[0]: there is no thread 1"),
        (step(0, r#"["unlock",1]"#), "bad, steps[0]: there is no mutex 1"),
        (step(0, r#"["unlock"]"#), "bad, steps[0]: `unlock` needs a mutex"),
        (step(0, r#"["ctx_init_twice"]"#), "bad, steps[0]: unknown operation `ctx_init_twice`"),
        (step(0, r#"["lock",0]"#), "bad, steps[0]: thread 0 has no context for `lock`"),
        (busy, "bad, steps[2]: thread 0 is told `unlock` while it is blocked"),
    ] {
        let refused = replay(&recording(&steps)).expect_err(what);
        assert_eq!(refused.to_string(), what);
    }
}
