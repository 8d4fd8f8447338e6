//! Random scenarios: always valid, always the same, and everything occurs.

use std::collections::BTreeSet;

use ringfence_base::rng::Rng;
use ringfence_base::scenario::random::random_scenario;
use ringfence_base::scenario::{Arg, Kind, Op, Scenario, Sort, Stmt};

/// Calls `f` with every statement.
fn for_each_stmt(block: &[Stmt], f: &mut dyn FnMut(&Stmt)) {
    for stmt in block {
        f(stmt);
        match stmt {
            Stmt::If { then, otherwise, .. } => {
                for_each_stmt(then, f);
                for_each_stmt(otherwise, f);
            }
            Stmt::Loop { body, .. } => for_each_stmt(body, f),
            _ => {}
        }
    }
}

fn statements(scenario: &Scenario) -> usize {
    let mut count = 0;
    for thread in &scenario.threads {
        for_each_stmt(&scenario.programs[thread.program.index()].body, &mut |_| count += 1);
    }
    count
}

#[test]
fn all_are_valid() {
    for seed in 0..1_000 {
        let scenario = random_scenario(seed, (seed % 100) as usize);
        scenario.validate().unwrap_or_else(|error| panic!("seed {seed}: {error}\n{scenario}"));
    }
}

#[test]
fn every_operation_kind_and_form_occurs() {
    let mut ops = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    let mut forms = BTreeSet::new();
    for seed in 0..200 {
        let scenario = random_scenario(seed, 60);
        kinds.extend(scenario.objects.iter().map(|object| object.kind.kind()));
        for program in &scenario.programs {
            for_each_stmt(&program.body, &mut |stmt| {
                forms.insert(match stmt {
                    Stmt::Op(operation) => {
                        ops.insert(operation.op);
                        if operation.args.contains(&Arg::Null) { "null" } else { "op" }
                    }
                    Stmt::If { otherwise, .. } if otherwise.is_empty() => "if",
                    Stmt::If { .. } => "else",
                    Stmt::Loop { .. } => "loop",
                    Stmt::Break { .. } => "break",
                    Stmt::Continue { .. } => "continue",
                    Stmt::Return { value: None, .. } => "return",
                    Stmt::Return { value: Some(_), .. } => "return value",
                });
            });
        }
    }
    let missing: Vec<&str> = Op::ALL.iter().filter(|op| !ops.contains(op)).map(|op| op.name()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let declared = |kind: &&Kind| matches!(kind.sort(), Sort::Declared | Sort::Either);
    assert!(Kind::ALL.iter().filter(declared).all(|kind| kinds.contains(kind)));
    assert_eq!(forms.len(), 9, "{forms:?}");
}

#[test]
fn a_seed_gives_the_same_everywhere() {
    assert_eq!(random_scenario(7, 30), random_scenario(7, 30));
    assert_ne!(random_scenario(7, 30), random_scenario(8, 30));
    // Pins the stream: corpora and replay strings name seeds.
    let mut rng = Rng::new(0);
    assert_eq!(
        [rng.next_u64(), rng.next_u64(), rng.next_u64()],
        [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f],
        "the published test vector of SplitMix64"
    );
}

#[test]
fn the_size_is_about_what_was_asked_for() {
    let sum = |size| (0..50).map(|seed| statements(&random_scenario(seed, size))).sum::<usize>() / 50;
    let (small, large) = (sum(10), sum(100));
    assert!((5..=40).contains(&small), "{small}");
    assert!((60..=300).contains(&large), "{large}");
}

#[test]
fn random_numbers_stay_in_their_range() {
    let mut rng = Rng::new(1);
    let mut seen = [0; 5];
    for _ in 0..1_000 {
        let number = rng.number(-2, 2);
        assert!((-2..=2).contains(&number));
        seen[usize::try_from(number + 2).expect("it is not negative")] += 1;
    }
    assert!(seen.iter().all(|&count| count > 120), "{seen:?}");
    assert_eq!(rng.below(0), 0);
    assert_eq!(rng.below(1), 0);
    assert_eq!(rng.number(3, 3), 3);
    assert!(!rng.percent(0) && rng.percent(100));
}
