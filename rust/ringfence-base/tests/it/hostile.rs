//! Broken, deep and huge input: refused with a place, without a panic and without using up the stack.

use ringfence_base::SiteId;
use ringfence_base::scenario::{Arg, Kind, MAX_NESTING, MAX_REGISTERS, Program, Scenario, Stmt};

use crate::SUBMIT;

fn message(json: &str) -> String {
    Scenario::from_json(json).expect_err("bad input is refused").to_string()
}

#[test]
fn cut_off_anywhere() {
    let whole = SUBMIT.trim_end();
    assert!(whole.is_ascii());
    for end in 0..whole.len() {
        let error = Scenario::from_json(&whole[..end]).expect_err("half a scenario is none");
        assert!(error.place.starts_with("line "), "{end}: {error}");
        assert!(error.message.starts_with("not JSON: the text ends too early"), "{end}: {error}");
    }
    assert!(Scenario::from_json(whole).is_ok());
}

/// A scenario with this statement nested so deep.
fn nested(depth: usize, innermost: &str) -> String {
    let open = r#"{"if":1,"then":["#.repeat(depth - 1);
    let close = "]}".repeat(depth - 1);
    format!(
        r#"{{"ringfence_scenario":1,"name":"s",
        "objects":[{{"kind":"timeline","name":"t"}},{{"kind":"dma_fence","name":"f","timeline":0}}],
        "programs":[{{"name":"f","body":[{open}{innermost}{close}]}}]}}"#
    )
}

#[test]
fn statements_nested_as_deep_as_allowed_and_deeper() {
    // The deepest JSON that a scenario can need.
    let list = r#"{"op":"dma_fence_unwrap_merge","args":[[{"obj":1}]]}"#;
    assert_eq!(Scenario::from_json(&nested(MAX_NESTING, list)).map(|_| ()), Ok(()));
    let plain = r#"{"op":"cond_resched"}"#;
    let error = Scenario::from_json(&nested(MAX_NESTING + 1, plain)).expect_err("one too deep");
    assert!(error.place.ends_with(".then[0]"), "{error}");
    assert_eq!(error.message, "statements are nested deeper than 60");
    for depth in [MAX_NESTING + 4, 1_000, 100_000] {
        let message = message(&nested(depth, plain));
        assert!(message.ends_with(": nested too deep: statements may be nested 60 deep"), "{message}");
        assert!(message.starts_with("line 3, column "), "{message}");
    }
}

#[test]
fn a_deep_scenario_made_by_hand_is_refused_too() {
    let at = SiteId::UNKNOWN;
    let mut body = vec![Stmt::Return { value: None, at }];
    for _ in 0..5_000 {
        body = vec![Stmt::If { cond: Arg::Int(1), then: body, otherwise: Vec::new(), at }];
    }
    let program =
        Program { name: "f".into(), params: 0, registers: Vec::new(), result: None, driver: None, body };
    let scenario = Scenario { programs: vec![program], ..Scenario::default() };
    let error = scenario.validate().expect_err("too deep");
    assert_eq!(error.message, "statements are nested deeper than 60");
}

#[test]
fn brackets_without_end() {
    for bracket in ["[", "{\"a\":", "[[]", "{\"ringfence_scenario\":["] {
        let message = message(&bracket.repeat(200_000));
        assert!(message.starts_with("line 1, column "), "{message}");
    }
}

#[test]
fn nul_and_control_characters() {
    assert!(message("\0").starts_with("line 1, column 1: not JSON"));
    assert!(message("{\"ringfence_scenario\":1,\"name\":\"a\0b\"}").starts_with("line 1, column "));
    let escaped = r#"{"ringfence_scenario":1,"name":"a\u0000b\u001b[31m\n"}"#;
    let scenario = Scenario::from_json(escaped).expect("a strange name is a name");
    assert_eq!(scenario.name, "a\0b\u{1b}[31m\n");
    assert_eq!(Scenario::from_json(&scenario.to_json()), Ok(scenario.clone()));
    assert_eq!(scenario.to_string(), "/* a\\u{0}b\\u{1b}[31m\\u{a} */\n");
    let mask = r#"{"ringfence_scenario":1,"name":"s","programs":[{"name":"f","body":[
        {"op":"kmalloc","args":[{"gfp":"GFP_\u0000"}]}]}]}"#;
    assert!(message(mask).contains("unknown gfp flag `GFP_\\u{0}`"));
    assert!(message(r#"{"ringfence_scenario":1,"name":"\ud800"}"#).starts_with("line 1, column "));
}

#[test]
fn numbers_beyond_everything() {
    for number in [
        "1e999",
        "-1e999",
        "1e3",
        "0.5",
        "99999999999999999999",
        "-9223372036854775809",
        "18446744073709551615",
    ] {
        let json = format!(
            r#"{{"ringfence_scenario":1,"name":"s","programs":[{{"name":"f","body":[
            {{"op":"not","args":[{number}]}}]}}]}}"#
        );
        let place = message(&json);
        assert!(
            place.starts_with("programs[0] (f).body[0].args[0]: must be an integer")
                || place.starts_with("line ")
        );
    }
}

#[test]
fn names_of_a_megabyte_are_cut_in_messages() {
    let name = "x".repeat(1 << 20);
    for json in [
        format!(
            r#"{{"ringfence_scenario":1,"name":"s","objects":[{{"kind":"mutex","name":"{name}","at":3}}]}}"#
        ),
        format!(r#"{{"ringfence_scenario":1,"name":"s","{name}":1}}"#),
        format!(
            r#"{{"ringfence_scenario":1,"name":"s","programs":[{{"name":"f","body":[{{"op":"{name}"}}]}}]}}"#
        ),
        format!(r#"{{"ringfence_scenario":1,"name":"s","objects":[{{"kind":"{name}","name":"s"}}]}}"#),
        format!(
            r#"{{"ringfence_scenario":1,"name":"s","programs":[{{"name":"f","body":[
            {{"op":"kmalloc","args":[{{"gfp":"{name}"}}]}}]}}]}}"#
        ),
    ] {
        let message = message(&json);
        assert!(message.len() < 500, "{} bytes", message.len());
        assert!(message.contains("xxx…"), "{message}");
    }
}

#[test]
fn many_statements_and_registers_take_no_time_out_of_proportion() {
    let statements =
        vec![r#"{"if":{"reg":65534},"then":[{"op":"set","args":[1],"out":1}]}"#; 20_000].join(",");
    let registers = vec!["\"int\""; MAX_REGISTERS].join(",");
    let json = format!(
        r#"{{"ringfence_scenario":1,"name":"s","programs":[{{"name":"f","registers":[{registers}],
        "body":[{{"op":"set","args":[1],"out":65534}},{statements}]}}]}}"#
    );
    let scenario = Scenario::from_json(&json).expect("long, but fine");
    assert_eq!(scenario.programs[0].body.len(), 20_001);
    assert!(scenario.to_string().lines().count() > 60_000);

    let mut program = scenario.programs[0].clone();
    program.registers.push(Kind::Int);
    let one_more = Scenario { programs: vec![program], ..Scenario::default() };
    let error = one_more.validate().expect_err("too many registers");
    assert_eq!(error.to_string(), "programs[0] (f).registers: 65536 registers, more than 65535");
}
