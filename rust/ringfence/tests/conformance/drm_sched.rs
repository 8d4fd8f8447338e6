//! The model's scheduler runs, signals and frees what the kernel's did, in the same order.

use ringfence::conformance::{RecordingError, answer_line, replay_line as replay};

use crate::support::unpacked;

#[test]
fn drm_sched() {
    let text = unpacked("drm-sched.jsonl.xz");
    let mut different = Vec::new();
    let (mut recordings, mut steps) = (0, 0);
    for line in text.lines() {
        let replayed = replay(line).unwrap_or_else(|error| panic!("{error}"));
        recordings += 1;
        steps += replayed.steps;
        assert!(replayed.recorded, "{}", replayed.id);
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
    assert_eq!(recordings, 798);
    assert_eq!(steps, 22_535);
}

/// Two entities, each with a scheduler of its own.
const START: &str = r#"{"op":["entity",0,{"priority":2,"scheds":[0]}],"log":[]},
    {"op":["entity",1,{"priority":2,"scheds":[1]}],"log":[]}"#;

fn recording(steps: &str, last: &str) -> String {
    format!(
        r#"{{"id":"made-up","policy":"fifo","recovery":"cancel","credit_limit":2,"steps":[{START},{steps}]{last}}}"#
    )
}

/// A job on each scheduler, both set off by the same outside fence.
fn two_at_once(log: &str, status: &str) -> String {
    let push = |job: u32| {
        format!(
            r#"{{"op":["push",{job},{{"entity":{job},"credits":1,"run_job":"null",
                "dependencies":[["external",3]]}}],"log":[]}}"#
        )
    };
    let signal = format!(r#"{{"op":["external_signal",3,0],"log":[{log}]}}"#);
    let steps = [push(0), push(1), signal].join(",");
    recording(&steps, &format!(r#","final_status":{{{status}}}"#))
}

const FIRST: &str = r#"["run",0,0],["scheduled",0],["finished",0,0],["free",0]"#;
const SECOND: &str = r#"["run",1,1],["scheduled",1],["finished",1,0],["free",1]"#;
const ENDED: &str = r#""0":1,"1":1"#;

fn differs(line: &str) -> bool {
    replay(line).unwrap_or_else(|error| panic!("{error}")).difference.is_some()
}

/// How the schedulers interleave is not compared; what each of them does, is.
#[test]
fn the_order_counts_within_a_scheduler() {
    for log in [
        format!("{FIRST},{SECOND}"),
        format!("{SECOND},{FIRST}"),
        FIRST.replace(r#"["free",0]"#, &format!(r#"{SECOND},["free",0]"#)),
    ] {
        assert!(!differs(&two_at_once(&log, ENDED)), "{log}");
    }
    let early = FIRST.replace(r#"["scheduled",0],"#, "").replace(r#"["run""#, r#"["scheduled",0],["run""#);
    for wrong in [
        early,
        FIRST.replace(r#"["run",0,0]"#, r#"["run",0,1]"#),
        FIRST.replace(r#"["finished",0,0]"#, r#"["finished",0,-5]"#),
        FIRST.replace(r#",["free",0]"#, ""),
        format!(r#"{FIRST},["free",0]"#),
        String::new(),
    ] {
        let log = format!("{wrong},{SECOND}");
        assert!(differs(&two_at_once(log.trim_start_matches(','), ENDED)), "{log}");
    }
    let log = format!("{FIRST},{SECOND}");
    assert!(differs(&two_at_once(&log, r#""0":1,"1":-5"#)));
    assert!(differs(&two_at_once(&log, r#""0":1"#)));
}

/// The model's answer is in the form of the recording: with logs, errors of `job_init`, and how the jobs ended.
#[test]
fn what_the_model_did_takes_the_place_of_what_was_recorded() {
    let nothing = r#"{"op":["entity",2,{"priority":1,"scheds":[]}]}"#;
    let push = |job: u32, entity: u32, more: &str| {
        format!(r#"{{"op":["push",{job},{{"entity":{entity},"credits":1,"run_job":"error"{more}}}]}}"#)
    };
    let line = recording(
        &[nothing.into(), push(0, 2, ""), push(1, 0, r#","job_init":-22"#)].join(","),
        r#","note":1"#,
    );
    let (replayed, answer) = answer_line(&line).expect("it can be replayed");
    assert_eq!((replayed.steps, replayed.recorded), (5, false));
    let expected = recording(
        &[
            r#"{"op":["entity",2,{"priority":1,"scheds":[]}],"log":[]}"#,
            r#"{"op":["push",0,{"entity":2,"credits":1,"run_job":"error","job_init":-2}],"log":[]}"#,
            concat!(
                r#"{"op":["push",1,{"entity":0,"credits":1,"run_job":"error"}],"#,
                r#""log":[["run",1,0],["scheduled",1],["finished",1,-5],["free",1]]}"#
            ),
        ]
        .join(","),
        r#","note":1,"final_status":{"1":-5}"#,
    );
    assert_eq!(answer, expected.replace("\n    ", ""));
    assert!(!differs(&answer));
    assert!(differs(&answer.replace(r#""job_init":-2"#, r#""job_init":-22"#)));
    assert!(differs(&answer.replace(r#","job_init":-2"#, "")));
}

#[test]
fn what_is_no_recording_is_refused() {
    let refused = |line: &str| replay(line).expect_err(line).to_string();
    for (fields, what) in [
        (r#""policy":"lifo""#, "`policy`: unknown variant `lifo`, expected `fifo` or `rr`"),
        (
            r#""recovery":"pray""#,
            "`recovery`: unknown variant `pray`, expected one of `cancel`, `resubmit`, `enodev`",
        ),
        (r#""credit_limit":0"#, "`credit_limit`: expected at least 1"),
    ] {
        let field = fields.split_once(':').expect("a field").0;
        let good = [r#""policy":"rr""#, r#""recovery":"enodev""#, r#""credit_limit":1"#];
        let all = good.map(|known| if known.starts_with(field) { fields } else { known });
        let line = format!(r#"{{"id":"bad",{},"steps":[]}}"#, all.join(","));
        assert_eq!(refused(&line), format!("not a recording: {what}"));
    }
    let step = |op: &str| refused(&recording(&format!(r#"{{"op":{op},"log":[]}}"#), ""));
    for (op, what) in [
        ("7", r#"expected an operation such as ["fault", 0]"#),
        (r#"["fualt",0]"#, "unknown operation `fualt`; expected one of entity, push, hw_done,"),
        (r#"["fault"]"#, "`fault`: takes another number of arguments than 0"),
        (r#"["fault",2]"#, "`fault`: expected a scheduler, 0 or 1, not 2"),
        (r#"["external_signal",6,0]"#, "`external_signal`: expected an outside fence, 0 to 5, not 6"),
        (r#"["external_signal",0,5]"#, "`external_signal`: expected 0 or a negative errno, not 5"),
        (r#"["set_priority",0,4]"#, "`set_priority`: expected a priority, 0 (KERNEL), 1 (HIGH),"),
        (r#"["set_priority",2,0]"#, "entity 2 is not initialised"),
        (r#"["modify_sched",0,[]]"#, "`modify_sched`: expected at least one scheduler"),
        (r#"["entity",0,{"priority":1,"scheds":[0]}]"#, "entity 0 is initialised already"),
        (r#"["entity",3,{"priority":1}]"#, "`entity`: missing field `scheds`"),
        (r#"["hw_done",0,0,0]"#, "the ring of scheduler 0 is empty"),
        (
            r#"["push",0,{"entity":0,"credits":1,"run_job":"soft"}]"#,
            "`push`: unknown variant `soft`, expected one of `hw`, `null`, `error`, `hw_signaled`",
        ),
        (
            r#"["push",0,{"entity":0,"credits":1,"run_job":"hw","dependencies":[["finished",0]]}]"#,
            "there is no job 0",
        ),
        (
            r#"["push",0,{"entity":0,"credits":1,"run_job":"hw","dependencies":[["done",0]]}]"#,
            r#"`push`: expected a dependency: "finished", "scheduled" or "external" of a number, not ["done",0]"#,
        ),
    ] {
        let got = step(op);
        assert!(got.starts_with(&format!("made-up, steps[2]: {what}")), "{got}");
    }
    for (log, what) in [
        (r#"[["free",0]]"#, "`log`: there is no job 0"),
        (r#"[["freed",0]]"#, r#"`log`[0]: expected an entry such as ["run", 0, 1], not ["freed",0]"#),
        ("7", "`log`: invalid type: integer `7`, expected a sequence"),
    ] {
        let got = refused(&recording(&format!(r#"{{"op":["fault",0],"log":{log}}}"#), ""));
        assert_eq!(got, format!("made-up, steps[2]: {what}"));
    }
    assert!(matches!(replay(r#"{"policy":"rr","steps":7}"#), Err(RecordingError::Json(_))));
}

/// A ring is a queue, and jobs have one number each.
#[test]
fn a_recording_that_contradicts_itself_is_refused() {
    let push = |job: u32| {
        format!(
            r#"{{"op":["push",{job},{{"entity":0,"credits":1,"run_job":"hw"}}],
                "log":[["run",{job},0],["scheduled",{job}]]}}"#
        )
    };
    for (last, what) in [
        (r#"{"op":["hw_done",0,1,0]}"#.to_owned(), "the oldest job on the ring of scheduler 0 is 0, not 1"),
        (push(0), "job 0 was pushed already"),
    ] {
        let line = recording(&[push(0), push(1), last].join(","), "");
        assert_eq!(replay(&line).expect_err(what).to_string(), format!("made-up, steps[4]: {what}"));
    }
    let gone = r#"{"op":["entity_fini",1],"log":[]},{"op":["fault",1],"log":[]},{"op":["set_priority",1,0],"log":[]}"#;
    let refused = replay(&recording(gone, "")).expect_err("it is gone").to_string();
    assert_eq!(refused, "made-up, steps[4]: entity 1 is not initialised");
}
