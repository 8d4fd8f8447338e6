//! Fences, containers and reservations return what the kernel's returned.

use ringfence::conformance::{RecordingError, answer_line, replay_line};

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

/// A recording of these operations and results.
fn recording(ops: &str, results: &str) -> String {
    format!(r#"{{"id":"r","family":"test","ops":[{ops}],"results":[{results}]}}"#)
}

const INIT: &str = r#"["init",0,{"context":1,"seqno":1,"ops":"enable","enable_signaling":true}]"#;

#[test]
fn a_result_that_is_wrong_is_told_apart() {
    let ops = format!(r#"{INIT},["add_callback",0,7],["signal",0]"#);
    let replay = |results: &str| {
        let replayed = replay_line(&recording(&ops, results)).expect("it can be replayed");
        replayed.difference.map(|difference| (difference.step, difference.modelled))
    };
    let enabled = r#"{"ret":[0],"enable_signaling_calls":1}"#;
    assert_eq!(replay(&format!(r#"{{}},{enabled},{{"ret":[0],"callbacks":[7]}}"#)), None);
    for wrong in [r#"{"ret":[0]}"#, r#"{"ret":[0],"enable_signaling_calls":2}"#, "{}"] {
        let difference = replay(&format!(r#"{{}},{wrong},{{"ret":[0],"callbacks":[7]}}"#));
        assert_eq!(difference.map(|(step, _)| step), Some(1), "{wrong}");
    }
    let last = replay(&format!(r#"{{}},{enabled},{{"ret":[0]}}"#));
    assert_eq!(last, Some((2, r#"{"ret":[0],"callbacks":[7]}"#.into())));
    let last = replay(&format!(r#"{{}},{enabled},{{"ret":[-22],"callbacks":[7]}}"#));
    assert_eq!(last.map(|(step, _)| step), Some(2));
}

#[test]
fn what_every_step_gave_is_there() {
    let ops = format!(r#"{INIT},["merge",{{"fences":[0]}}],["signal",1],["get_status",0]"#);
    let wrong = recording(&ops, "{},{},{},{}");
    let replayed = replay_line(&wrong).expect("it can be replayed");
    assert_eq!((replayed.id.as_str(), replayed.family.as_str()), ("r", "test"));
    assert_eq!(replayed.steps, 2, "it ends where it differs");
    let (replayed, answered) = answer_line(&wrong).expect("it can be replayed");
    assert_eq!(replayed.results, ["{}", r#"{"ret":[0,0]}"#, r#"{"ret":[0]}"#, r#"{"ret":[1]}"#]);
    let again = replay_line(&answered).expect("the answer can be replayed");
    assert!(again.recorded && again.difference.is_none());
    let all = r#"{},{"ret":[0,0]},{"ret":[0]},{"ret":[1]}"#;
    let replayed = replay_line(&recording(&ops, all)).expect("it can be replayed");
    assert!(replayed.difference.is_none(), "a merged fence has a number too");
}

/// Both forms are told apart.
#[test]
fn the_form_is_told_by_the_fields() {
    let contest = r#"{"id":"w","class":"wait-die","threads":1,"mutexes":1,
                      "steps":[{"thread":0,"op":["lock_no_ctx",0],"completed":{"0":0}}]}"#;
    let replayed = replay_line(contest).expect("it can be replayed");
    assert_eq!((replayed.family.as_str(), replayed.difference), ("wait-die", None));
    for line in [r#"{"id":"t","ops":[],"verdict":null}"#, "{}", "[]", "", "7", r#"{"id":"#] {
        assert!(matches!(replay_line(line), Err(RecordingError::Json(_))), "{line}");
    }
}

#[test]
fn what_can_not_be_done_is_refused_with_its_place() {
    let refused = |ops: &str| {
        let mut results = vec![r#"{"ret":[0]}"#; ops.matches("[\"").count()].join(",");
        if ops.contains("init") {
            results = "{}".into();
        }
        match replay_line(&recording(ops, &results)) {
            Err(error) => error.to_string(),
            Ok(replayed) => panic!("{ops}: {replayed:?}"),
        }
    };
    let cases = [
        (r#"["signal",0]"#, "r, ops[0]: there is no fence 0; there are 0 so far"),
        (r#"["init",3,{"context":1,"seqno":1,"ops":"plain"}]"#, "number 0, the next one, not 3"),
        (r#"["init",0,{"context":1,"seqno":1,"ops":"poll128"}]"#, "unknown ops `poll128`"),
        (r#"["init",0,{"context":1,"seqno":1,"ops":"enable"}]"#, "`enable_signaling` exactly if"),
        (r#"["init",0,{"context":1,"seqno":-1,"ops":"plain"}]"#, "`init`: invalid value: integer `-1`"),
        (r#"["init",0,{"context":1,"ops":"plain"}]"#, "`init`: missing field `seqno`"),
        (r#"["init",0,{"context":1,"seqno":1,"ops":"plain","x":1}]"#, "`init`: unknown field `x`"),
        (r#"["init",0,7]"#, "`init`: expected named options, not 7"),
        (r#"["signl",0]"#, "unknown operation `signl`; expected one of init, hw_done, signal"),
        (r#"["signal"]"#, "`signal`: takes another number of arguments than 0"),
        (r#"["signal",-1]"#, "`signal`: expected a number from 0 on, not -1"),
        (
            r#"["list_locked",0,4]"#,
            "expected a usage, 0 (KERNEL), 1 (WRITE), 2 (READ) or 3 (BOOKKEEP), not 4",
        ),
        (r#"["resv_lock",0],["resv_lock",0]"#, "r, ops[1]: dma_resv_lock never returns"),
    ];
    for (ops, expected) in cases {
        let text = refused(ops);
        let place = text.starts_with("r, ops[") || !expected.starts_with("r,");
        assert!(text.contains(expected) && place, "{ops}\n{text}");
    }
    let lines = [r#"{"id":"r","ops":[["signal",0]],"results":[]}"#, r#"{"id":"r","ops":7,"results":[]}"#];
    for line in lines {
        assert!(matches!(replay_line(line), Err(RecordingError::Json(_))), "{line}");
    }
}

/// Numbers that look random, from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A call that makes sense at best by chance: containers in containers, fences of any sort anywhere.
fn any_call(random: &mut Random, fences: &mut usize) -> String {
    let unknown = usize::from(random.below(50) == 0);
    let fence = random.below((*fences).max(1) + unknown);
    let other = random.below((*fences).max(1));
    let (small, usage, resv) = (random.below(6), random.below(4), random.below(2));
    let mut new = || {
        *fences += 1;
        *fences - 1
    };
    match random.below(27) {
        0..4 => {
            let ops = ["plain", "poll", "plain64", "poll64"][small % 4];
            format!(r#"["init",{},{{"context":{usage},"seqno":{small},"ops":"{ops}"}}]"#, new())
        }
        4 => {
            let ops = r#""ops":"enable+poll","enable_signaling":false"#;
            format!(r#"["init",{},{{"context":{usage},"seqno":{small},{ops}}}]"#, new())
        }
        5 => format!(
            r#"["array",{},{{"fences":[{fence},{other}],"signal_on_any":{},"seqno":1}}]"#,
            new(),
            small == 0
        ),
        6 => format!(r#"["array",{},{{"fences":[],"signal_on_any":false,"seqno":1}}]"#, new()),
        7..9 => format!(r#"["chain",{},{{"prev":{fence},"fence":{other},"seqno":{small}}}]"#, new()),
        9 => {
            new();
            format!(r#"["merge",{{"fences":[{fence},{other}]}}]"#)
        }
        10 => format!(r#"["signal",{fence}]"#),
        11 => format!(r#"["hw_done",{fence}]"#),
        12 => format!(r#"["set_error",{fence},{}]"#, usage as i64 * 1_000 - 2_000),
        13 => format!(r#"["add_callback",{fence},{small}]"#),
        14 => format!(r#"["remove_callback",{fence},{small}]"#),
        15 => format!(r#"["is_signaled",{fence}]"#),
        16 => format!(r#"["get_status",{fence}]"#),
        17 => format!(r#"["enable_sw_signaling",{fence}]"#),
        18 => format!(r#"["find_seqno",{fence},{small}]"#),
        19 => format!(r#"["unwrap",{fence}]"#),
        20 => format!(r#"["add_fence",{resv},{fence},{usage}]"#),
        21 => format!(r#"["reserve_fences",{resv},{small}]"#),
        22 => format!(r#"["replace_fences",{resv},{{"context_of":{fence},"by":{other},"usage":{usage}}}]"#),
        23 => format!(r#"["copy_fences",{resv},{}]"#, small % 2),
        24 => format!(r#"["resv_wait_timeout_0",{resv},{usage}]"#),
        25 => format!(r#"["list_unlocked",{resv},{usage}]"#),
        _ => format!(r#"["get_singleton",{resv},{usage}]"#),
    }
}

/// Whatever the calls are, the answer is a result or a refusal.
#[test]
fn any_calls_are_survived() {
    let (mut replayed, mut refused) = (0, 0);
    for seed in 0..3_000 {
        let (mut random, mut fences) = (Random(seed), 0);
        let ops: Vec<String> = (0..60).map(|_| any_call(&mut random, &mut fences)).collect();
        let results = vec!["{}"; ops.len()].join(",");
        match answer_line(&recording(&ops.join(","), &results)) {
            Ok(_) => replayed += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(replayed > 500 && refused > 5, "{replayed} replayed, {refused} refused");
}

/// Containers in containers in containers: nothing here uses the stack of the machine.
#[test]
fn deep_nesting_is_survived() {
    const DEPTH: usize = 50_000;
    let mut ops = vec![r#"["init",0,{"context":1,"seqno":1,"ops":"plain"}]"#.to_owned()];
    for number in 1..DEPTH {
        ops.push(match number % 2 {
            0 => {
                format!(r#"["array",{number},{{"fences":[{}],"signal_on_any":false,"seqno":1}}]"#, number - 1)
            }
            _ => format!(r#"["chain",{number},{{"prev":null,"fence":{},"seqno":1}}]"#, number - 1),
        });
    }
    let last = DEPTH - 1;
    ops.push(r#"["resv_lock",0]"#.into());
    ops.push(r#"["reserve_fences",0,1]"#.into());
    ops.push(format!(r#"["add_fence",0,{last},0]"#));
    ops.push(format!(r#"["enable_sw_signaling",{last}]"#));
    ops.push(format!(r#"["is_signaled",{last}]"#));
    ops.push(r#"["signal",0]"#.into());
    ops.push(format!(r#"["is_signaled",{last}]"#));
    let results = vec!["{}"; ops.len()].join(",");
    let (replayed, _) = answer_line(&recording(&ops.join(","), &results)).expect("it can be replayed");
    assert_eq!(replayed.results[ops.len() - 1], r#"{"ret":[1]}"#);
}
