//! Writing and reading are each other's opposite, and mean what the format says.

use ringfence_base::scenario::random::random_scenario;
use ringfence_base::scenario::{
    Arg, Environment, Kind, Object, ObjectKind, Op, Operation, Program, Scenario, Stmt, ThreadDecl,
    WwAlgorithm,
};
use ringfence_base::{Gfp, ObjectId, ProgramId, SiteId, SourceLocation};

use crate::SUBMIT;

#[test]
fn random_scenarios_come_back_the_same() {
    for seed in 0..400 {
        let scenario = random_scenario(seed, (seed % 80) as usize);
        let json = scenario.to_json();
        let read = Scenario::from_json(&json).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{json}"));
        assert_eq!(read, scenario, "seed {seed}");
        assert_eq!(read.to_json(), json, "seed {seed}");
    }
}

#[test]
fn space_and_the_order_of_fields_mean_nothing() {
    for seed in 0..50 {
        let scenario = random_scenario(seed, 40);
        // serde_json keeps objects sorted by name, which is another order than the writer's.
        let value: serde_json::Value =
            serde_json::from_str(&scenario.to_json()).expect("what is written is JSON");
        let spaced = serde_json::to_string_pretty(&value).expect("a value can be written");
        assert_ne!(spaced, scenario.to_json());
        assert_eq!(Scenario::from_json(&spaced), Ok(scenario), "seed {seed}");
    }
}

#[test]
fn a_scenario_is_one_line_without_defaults() {
    let json = Scenario::from_json(SUBMIT).expect("the example is valid").to_json();
    assert_eq!(json.lines().count(), 1);
    let written: serde_json::Value = serde_json::from_str(&json).expect("what is written is JSON");
    let mut source: serde_json::Value = serde_json::from_str(SUBMIT).expect("the example is JSON");
    // The one default that the writer spells out.
    source["environment"]["fence_bound"] = Environment::FENCE_BOUND.into();
    assert_eq!(written, source);
}

/// One of everything, as JSON with every default spelled out.
const SPELLED_OUT: &str = r#"{"ringfence_scenario":1,"name":"a \"b\" \\ \u0000\u001f é 🦀","objects":[
    {"kind":"ww_class","name":"c","at":1,"algorithm":"wound-wait"},
    {"kind":"timeline","name":"t","at":0,"lock":null,"ops":null,"first_seqno":1,"bound":null},
    {"kind":"work","name":"w","at":0,"function":0},
    {"kind":"rwsem","name":"r","at":0,"class":"k"},
    {"kind":"mm","name":"mm","driver":null,"at":0},
    {"kind":"dma_resv","name":"bo","driver":"gpu \"0\"","at":0}],
  "programs":[{"name":"f","params":0,"registers":["dma_fence","gfp"],"result":"errno","driver":"gpu","body":[
    {"op":"set","args":[{"gfp":"__GFP_IO&~__GFP_IO"}],"out":1,"at":0},
    {"op":"dma_fence_alloc_init","args":[{"obj":1},{"gfp":"GFP_NOFS|__GFP_NOLOCKDEP"}],"out":0,"at":1},
    {"op":"dma_fence_unwrap_merge","args":[[{"reg":0}]],"out":null,"at":0},
    {"if":{"reg":0},"then":[{"op":"choose","args":["x",2],"out":null,"at":0}],"else":[],"at":0},
    {"loop":[{"continue":true,"at":0}, {"break":true,"at":0}, {"return":[-12],"at":0},
      {"op":"cond_resched","args":[]}],
     "at":0},
    {"return":[0],"at":0}]}],
  "threads":[{"name":"t","program":0,"mm":4,"at":0}],
  "environment":{"foreign_resv":false,"foreign_shrinker":false,"foreign_notifier":false,"memory_pressure":false,
    "allocation_failure":true,"user_memory":false,"interrupts_waits":false,"deadlock_injection":false,
    "early_timeouts":false,"fence_bound":10000000000},
  "sites":[{"file":"x.py","line":7,"function":""}]}"#;

fn op(op: Op, args: Vec<Arg>, out: Option<u16>, at: usize) -> Stmt {
    Stmt::Op(Operation { op, args, out, at: SiteId::new(at) })
}

fn spelled_out() -> Scenario {
    let at = SiteId::UNKNOWN;
    let object =
        |name: &str, at: usize, kind| Object { name: name.into(), kind, driver: None, at: SiteId::new(at) };
    let mask = Gfp::parse("GFP_NOFS|__GFP_NOLOCKDEP").expect("a mask");
    let body = vec![
        op(Op::Set, vec![Arg::Gfp(Gfp::default())], Some(1), 0),
        op(Op::DmaFenceAllocInit, vec![Arg::Object(ObjectId::new(1)), Arg::Gfp(mask)], Some(0), 1),
        op(Op::DmaFenceUnwrapMerge, vec![Arg::List(vec![Arg::Register(0)])], None, 0),
        Stmt::If {
            cond: Arg::Register(0),
            then: vec![op(Op::Choose, vec![Arg::Text("x".into()), Arg::Int(2)], None, 0)],
            otherwise: Vec::new(),
            at,
        },
        Stmt::Loop {
            body: vec![
                Stmt::Continue { at },
                Stmt::Break { at },
                Stmt::Return { value: Some(Arg::Int(-12)), at },
                op(Op::CondResched, Vec::new(), None, 0),
            ],
            at,
        },
        Stmt::Return { value: Some(Arg::Int(0)), at },
    ];
    Scenario {
        name: "a \"b\" \\ \0\u{1f} é 🦀".into(),
        objects: vec![
            object("c", 1, ObjectKind::WwClass { algorithm: WwAlgorithm::WoundWait }),
            object("t", 0, ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None }),
            object("w", 0, ObjectKind::Work { function: ProgramId::new(0) }),
            object("r", 0, ObjectKind::Rwsem { class: Some("k".into()) }),
            object("mm", 0, ObjectKind::Mm),
            Object { driver: Some("gpu \"0\"".into()), ..object("bo", 0, ObjectKind::Resv) },
        ],
        programs: vec![Program {
            name: "f".into(),
            params: 0,
            registers: vec![Kind::Fence, Kind::Gfp],
            result: Some(Kind::Errno),
            driver: Some("gpu".into()),
            body,
        }],
        threads: vec![ThreadDecl {
            name: "t".into(),
            program: ProgramId::new(0),
            mm: Some(ObjectId::new(4)),
            at,
        }],
        environment: Environment { allocation_failure: true, ..Environment::quiet() },
        sites: vec![SourceLocation { file: "x.py".into(), line: 7, function: String::new() }],
    }
}

#[test]
fn every_field_means_what_it_says() {
    let mut scenario = spelled_out();
    // A loop that only goes round is refused; here it is about reading, so it gets something to see.
    let json = SPELLED_OUT
        .replace(r#"{"continue":true,"at":0}, "#, r#"{"op":"msleep","args":[1]},{"continue":true},"#);
    if let Stmt::Loop { body, .. } = &mut scenario.programs[0].body[4] {
        body.insert(0, op(Op::Msleep, vec![Arg::Int(1)], None, 0));
    }
    assert_eq!(Scenario::from_json(&json), Ok(scenario.clone()));
    assert_eq!(Scenario::from_json(&scenario.to_json()), Ok(scenario));
    let refused = Scenario::from_json(SPELLED_OUT).expect_err("the loop spins");
    assert_eq!(refused.place, "programs[0] (f).body[4]");
}

#[test]
fn what_is_left_out_has_its_default() {
    let short = r#"{"ringfence_scenario":1,"name":"s","objects":[
        {"kind":"timeline","name":"t"},{"kind":"workqueue","name":"q"},{"kind":"irq","name":"i"},
        {"kind":"shrinker","name":"s","count":1,"scan":2},{"kind":"cell","name":"c"},
        {"kind":"timer","name":"t","function":0}],
        "programs":[{"name":"f"},{"name":"g","result":"int","body":[{"return":[0]}]},
        {"name":"h","params":1,"registers":["int"],"result":"int","body":[{"return":[0]}]}]}"#;
    let scenario = Scenario::from_json(short).expect("short, but whole");
    let kinds: Vec<&ObjectKind> = scenario.objects.iter().map(|object| &object.kind).collect();
    let (function, count, scan) = (ProgramId::new(0), ProgramId::new(1), ProgramId::new(2));
    assert_eq!(
        kinds,
        [
            &ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None },
            &ObjectKind::Workqueue { ordered: false, mem_reclaim: false, max_active: 0 },
            &ObjectKind::Irq { handler: None, thread: None },
            &ObjectKind::Shrinker { count, scan, seeks: 2, batch: 0 },
            &ObjectKind::Cell { init: 0 },
            &ObjectKind::Timer { function, irqsafe: false },
        ]
    );
    assert_eq!(scenario.programs[0].params, 0);
    assert!(scenario.programs[0].registers.is_empty() && scenario.programs[0].result.is_none());
    assert_eq!(scenario.environment, Environment::quiet());
    assert!(scenario.sites.is_empty() && scenario.threads.is_empty());
}

#[test]
fn numbers_come_back_to_the_last_digit() {
    for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, 1 << 53, (1 << 53) + 1, i64::MAX] {
        let json = format!(
            r#"{{"ringfence_scenario":1,"name":"s","programs":[{{"name":"f","body":[
            {{"op":"not","args":[{value}]}}]}}]}}"#
        );
        let scenario = Scenario::from_json(&json).expect("any number will do for `not`");
        let Stmt::Op(operation) = &scenario.programs[0].body[0] else { panic!("an operation was written") };
        assert_eq!(operation.args, [Arg::Int(value)]);
        assert_eq!(Scenario::from_json(&scenario.to_json()), Ok(scenario));
    }
}
