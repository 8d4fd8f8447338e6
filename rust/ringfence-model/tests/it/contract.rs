//! The contract as an adversary: what it adds, and that switched off parts add nothing.

use ringfence_base::scenario::{Environment, Kind, ObjectKind, Scenario};
use ringfence_model::Plan;

use crate::build::Build;
use crate::memory_support::{counting_shrinker, only, user_memory};

/// Names of all that was added to the scenario.
fn added(scenario: &Scenario) -> Vec<String> {
    let plan = Plan::new(scenario).expect("a valid scenario");
    let expanded = plan.scenario();
    expanded.validate().expect("what is added is valid too");
    assert_eq!(expanded.objects[..scenario.objects.len()], scenario.objects[..]);
    assert_eq!(expanded.programs[..scenario.programs.len()], scenario.programs[..]);
    assert_eq!(expanded.threads[..scenario.threads.len()], scenario.threads[..]);
    let objects = expanded.objects[scenario.objects.len()..].iter().map(|object| &object.name);
    let threads = expanded.threads[scenario.threads.len()..].iter().map(|thread| &thread.name);
    objects.chain(threads).cloned().collect()
}

/// A driver with everything that the contract is about.
fn driver() -> Scenario {
    let mut build = Build::default();
    build.object("bo", ObjectKind::Resv);
    user_memory(&mut build);
    counting_shrinker(&mut build, 1, (2, 0), 1);
    let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    build.object("ring", timeline);
    build.scenario
}

#[test]
fn every_part_adds_its_own_and_nothing_else() {
    let expected: [(&str, &[&str]); 10] = [
        ("foreign_resv", &["foreign: wait under bo"]),
        ("foreign_shrinker", &["foreign: shrinker"]),
        ("foreign_notifier", &["foreign: notifier of mm"]),
        ("memory_pressure", &["foreign: allocate"]),
        ("allocation_failure", &[]),
        ("user_memory", &["foreign: munmap range"]),
        ("interrupts_waits", &[]),
        ("trylock_failure", &[]),
        ("deadlock_injection", &[]),
        ("early_timeouts", &[]),
    ];
    assert_eq!(expected.map(|(part, _)| part), Environment::PARTS);
    let mut scenario = driver();
    for (part, names) in expected {
        scenario.environment = only(&[part]);
        assert_eq!(added(&scenario), names, "{part}");
    }
    scenario.environment = Environment::quiet();
    assert_eq!(added(&scenario), [""; 0]);
    scenario.environment = Environment::contract();
    let all: Vec<String> = added(&scenario);
    for (part, names) in expected {
        assert!(names.iter().all(|name| all.iter().any(|known| known == name)), "{part}");
        let mut without = scenario.clone();
        *without.environment.part(part).expect("a part") = false;
        let left = added(&without);
        assert!(left.iter().all(|name| !names.contains(&name.as_str())), "{part}: {left:?}");
        assert_eq!(left.len(), all.len() - names.len(), "{part}: {left:?}");
    }
}

#[test]
fn without_fences_nobody_waits_for_them() {
    let mut scenario = driver();
    scenario.objects.retain(|object| object.kind.kind() != Kind::Timeline);
    scenario.environment = Environment::contract();
    assert_eq!(added(&scenario), ["foreign: munmap range", "foreign: allocate"]);
}

#[test]
fn a_driver_without_user_memory_meets_another_process() {
    let mut build = Build::default();
    let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    build.object("ring", timeline);
    build.scenario.environment = Environment::contract();
    let names = ["foreign: shrinker", "foreign: mm", "foreign: user memory", "foreign: notifier of mm"];
    assert_eq!(added(&build.scenario), names);
}
