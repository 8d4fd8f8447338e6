//! The contract as an adversary: what it adds, and that switched off parts add nothing.

use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op, Scenario, Stmt};
use ringfence_base::{EventKind, Gfp, SiteId};
use ringfence_model::{Plan, State, Wait};

use crate::build::{Build, obj, op, op_out};
use crate::memory_support::{broken, counting_shrinker, only, run_random, user_memory};

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
    let expected: [(&str, &[&str]); 14] = [
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
        ("gpu_hangs", &[]),
        ("irq_loss", &[]),
        ("reset_failure", &[]),
        ("process_kill", &[]),
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
fn threads_that_would_notice_are_killed() {
    let mut build = Build::default();
    let lock = build.mutex("lock");
    let take = |op_: Op| vec![op(op_, &[obj(lock)]), op(Op::MutexUnlock, &[obj(lock)])];
    build.thread("stubborn", &[], take(Op::MutexLock));
    let mut body = vec![op_out(Op::MutexLockInterruptible, &[obj(lock)], 0)];
    let unlock = vec![op(Op::MutexUnlock, &[obj(lock)])];
    body.push(Stmt::If { cond: Arg::Register(0), then: Vec::new(), otherwise: unlock, at: SiteId::UNKNOWN });
    build.thread("client", &[Kind::Errno], body);
    assert_eq!(added(&build.scenario), [""; 0]);
    build.scenario.environment = only(&["process_kill"]);
    // The task, and the thread that kills it.
    assert_eq!(added(&build.scenario), ["foreign: kill client", "foreign: kill client"]);
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    let noticed = (0..400).filter(|&seed| {
        let (world, events) = run_random(&plan, seed);
        assert_eq!(broken(&events), [""; 0], "seed {seed}");
        assert!(world.threads().iter().all(|thread| !matches!(thread.state(), State::Blocked(_))));
        events.iter().any(|event| event.kind == EventKind::SignalPending)
    });
    assert!((1..400).contains(&noticed.count()));
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

/// A driver that publishes a fence, allocates, and then signals it.
fn allocates_before_signalling(gfp: Gfp, environment: Environment) -> Plan {
    let mut build = Build::default();
    let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
    let ring = build.object("ring", timeline);
    let fence = || Arg::Register(0);
    let body = vec![
        op_out(Op::DmaFenceInit, &[obj(ring)], 0),
        op_out(Op::DmaFenceBeginSignalling, &[], 2),
        op(Op::DmaFencePublish, &[fence()]),
        op_out(Op::Kmalloc, &[Arg::Gfp(gfp)], 1),
        op(Op::DmaFenceSignal, &[fence()]),
        op(Op::DmaFenceEndSignalling, &[Arg::Register(2)]),
        op(Op::Kfree, &[Arg::Register(1)]),
        op(Op::DmaFencePut, &[fence()]),
    ];
    build.thread("driver", &[Kind::Fence, Kind::Memory, Kind::Cookie], body);
    build.scenario.environment = environment;
    Plan::new(&build.scenario).expect("a valid scenario")
}

/// Of so many random executions: how many hang, all of them with the driver waiting for its own fence.
fn hangs(plan: &Plan) -> usize {
    let hangs = (0..400).filter(|&seed| {
        let (world, events) = run_random(plan, seed);
        assert_eq!(broken(&events), [""; 0], "seed {seed}");
        let states: Vec<State> = world.threads().iter().map(ringfence_model::Thread::state).collect();
        let hung = states.iter().any(|state| matches!(state, State::Blocked(_)));
        let driver_waits = matches!(states[0], State::Blocked(Wait::Fence(_)));
        assert_eq!(hung, driver_waits, "seed {seed}: {states:?}");
        hung
    });
    hangs.count()
}

#[test]
fn an_allocation_that_reclaims_on_the_signalling_path_meets_the_foreign_shrinker() {
    let environment = only(&["memory_pressure", "foreign_shrinker"]);
    for gfp in [Gfp::KERNEL, Gfp::NOFS, Gfp::NOIO] {
        assert!(hangs(&allocates_before_signalling(gfp, environment.clone())) > 0, "{gfp}");
    }
    for gfp in [Gfp::NOWAIT, Gfp::ATOMIC] {
        assert_eq!(hangs(&allocates_before_signalling(gfp, environment.clone())), 0, "{gfp}");
    }
    let quiet = only(&["memory_pressure"]);
    assert_eq!(hangs(&allocates_before_signalling(Gfp::KERNEL, quiet)), 0, "nobody waits for fences");
}

#[test]
fn and_the_foreign_notifier() {
    let parts = ["memory_pressure", "user_memory", "foreign_notifier"];
    assert!(hangs(&allocates_before_signalling(Gfp::NOIO, only(&parts))) > 0);
    assert_eq!(hangs(&allocates_before_signalling(Gfp::ATOMIC, only(&parts))), 0);
    for off in parts {
        let mut environment = only(&parts);
        *environment.part(off).expect("a part") = false;
        assert_eq!(hangs(&allocates_before_signalling(Gfp::NOIO, environment)), 0, "without {off}");
    }
}

#[test]
fn a_driver_that_keeps_the_contract_ends_whatever_others_do() {
    let mut environment = Environment::contract();
    // It does not look whether its allocation failed.
    environment.allocation_failure = false;
    assert_eq!(hangs(&allocates_before_signalling(Gfp::ATOMIC, environment)), 0);
}

/// A driver that takes the lock of a reservation again before it signals the fence in it.
#[test]
fn a_resv_lock_on_the_signalling_path_meets_the_foreign_driver() {
    let plan = |locks_again: bool, environment: Environment| {
        let mut build = Build::default();
        let timeline = ObjectKind::Timeline { lock: None, ops: None, first_seqno: 1, bound: None };
        let (ring, bo) = (build.object("ring", timeline), build.object("bo", ObjectKind::Resv));
        let fence = || Arg::Register(0);
        let lock = || op(Op::DmaResvLock, &[obj(bo), Arg::Null]);
        let unlock = || op(Op::DmaResvUnlock, &[obj(bo)]);
        let mut body = vec![
            op_out(Op::DmaFenceInit, &[obj(ring)], 0),
            lock(),
            op(Op::DmaResvReserveFences, &[obj(bo), Arg::Int(1)]),
            op_out(Op::DmaFenceBeginSignalling, &[], 1),
            op(Op::DmaResvAddFence, &[obj(bo), fence(), Arg::Int(1)]),
            unlock(),
        ];
        if locks_again {
            body.extend([lock(), unlock()]);
        }
        body.extend([
            op(Op::DmaFenceSignal, &[fence()]),
            op(Op::DmaFenceEndSignalling, &[Arg::Register(1)]),
            op(Op::DmaFencePut, &[fence()]),
        ]);
        build.thread("driver", &[Kind::Fence, Kind::Cookie], body);
        build.scenario.environment = environment;
        Plan::new(&build.scenario).expect("a valid scenario")
    };
    let hangs = |plan: &Plan| {
        let hangs = (0..400).filter(|&seed| {
            let (world, events) = run_random(plan, seed);
            assert_eq!(broken(&events), [""; 0], "seed {seed}");
            let state = world.threads()[0].state();
            assert!(matches!(state, State::Done | State::Blocked(Wait::Lock { .. })), "{state:?}");
            state != State::Done
        });
        hangs.count()
    };
    let foreign = only(&["foreign_resv"]);
    assert!(hangs(&plan(true, foreign.clone())) > 0);
    assert_eq!(hangs(&plan(true, Environment::quiet())), 0);
    assert_eq!(hangs(&plan(false, foreign)), 0);
}
