//! Everything that is refused, with the exact words.

use ringfence_base::scenario::Scenario;

const REFUSALS: &str = include_str!("../data/refusals.txt");

/// Pairs of a scenario and what is said about it.
fn cases() -> Vec<(&'static str, &'static str)> {
    let mut lines = REFUSALS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut cases = Vec::new();
    while let Some(json) = lines.next() {
        let said = lines.next().expect("a scenario is followed by what is said about it");
        cases.push((json, said.strip_prefix("    ").expect("what is said is indented")));
    }
    cases
}

#[test]
fn refusals_say_what_and_where() {
    let cases = cases();
    assert!(cases.len() > 100, "{} cases were read", cases.len());
    let mut wrong = Vec::new();
    for (json, said) in cases {
        let got = match Scenario::from_json(json) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        if got != said {
            wrong.push(format!("{json}\n  should: {said}\n  but:    {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_unpaired_is_no_mistake() {
    for body in [
        r#"{"op":"mutex_unlock","args":[{"obj":0}]}"#,
        r#"{"op":"mutex_lock","args":[{"obj":0}]},{"op":"mutex_lock","args":[{"obj":0}]}"#,
        r#"{"op":"dma_fence_end_signalling","args":[1]}"#,
        r#"{"op":"fs_reclaim_release","args":[{"gfp":"GFP_KERNEL"}]}"#,
        r#"{"return":[]},{"op":"mutex_lock","args":[{"obj":0}]}"#,
        r#"{"loop":[{"op":"cond_resched"}]},{"op":"cond_resched"}"#,
    ] {
        let json = format!(
            r#"{{"ringfence_scenario":1,"name":"s","objects":[{{"kind":"mutex","name":"m"}}],
            "programs":[{{"name":"f","body":[{body}]}}],"threads":[{{"name":"t","program":0}}]}}"#
        );
        assert_eq!(Scenario::from_json(&json).map(|_| ()), Ok(()), "{body}");
    }
}

#[test]
fn numbers_stand_for_each_other_but_not_for_masks() {
    let json = |registers: &str, body: &str| {
        let text = format!(
            r#"{{"ringfence_scenario":1,"name":"s","programs":[{{"name":"f","registers":[{registers}],
            "body":[{body}]}}]}}"#
        );
        Scenario::from_json(&text).map(|_| ()).map_err(|error| error.message)
    };
    for kind in ["int", "errno", "ns", "usage", "cookie", "seqno"] {
        let use_it = r#"{"op":"signal_pending","out":0},{"op":"msleep","args":[{"reg":0}]},
            {"op":"dma_fence_end_signalling","args":[{"reg":0}]},{"op":"set","args":[-3],"out":0}"#;
        assert_eq!(json(&format!("\"{kind}\""), use_it), Ok(()), "{kind}");
        let as_mask = r#"{"op":"signal_pending","out":0},{"op":"kmalloc","args":[{"reg":0}]}"#;
        let refused = json(&format!("\"{kind}\""), as_mask);
        assert_eq!(
            refused,
            Err(format!("argument `gfp` of kmalloc() must be of kind gfp, but register 0 is of kind {kind}"))
        );
    }
    let mask = r#"{"op":"set","args":[{"gfp":"GFP_NOWAIT"}],"out":0},{"op":"kmalloc","args":[{"reg":0}]},
        {"op":"add","args":[{"reg":0},1]}"#;
    assert_eq!(json("\"gfp\"", mask), Ok(()));
}
