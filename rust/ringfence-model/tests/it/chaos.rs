//! Random programs in every context there is: no misuse panics, a run is its schedule, a world is reset in place.

use std::collections::BTreeSet;

use ringfence_base::scenario::{
    Arg, Family, GpuHang, Kind, Object, ObjectKind, Op, Operation, SemaphorePoint, Stmt,
};
use ringfence_base::{Event, EventKind, ObjectId, ProgramId, SiteId};
use ringfence_model::{Plan, World};

use crate::build::{Build, op_out};
use crate::later::Random;

/// Registers of every program: a result, and NULL.
const REGISTERS: [Kind; 2] = [Kind::Int, Kind::Work];

/// Declared objects of one of these kinds.
fn fitting(build: &Build, kinds: &[Kind]) -> Vec<ObjectId> {
    let objects = &build.scenario.objects;
    let fits = |&index: &usize| kinds.contains(&objects[index].kind.kind());
    (0..objects.len()).filter(fits).map(ObjectId::new).collect()
}

fn random_arg(rng: &mut Random, build: &Build, kinds: &[Kind], nullable: bool) -> Arg {
    match kinds[rng.below(kinds.len())] {
        Kind::Work if rng.below(20) == 0 => Arg::Register(1),
        Kind::Nanos => Arg::Int([0, 1, 5, i64::MAX][rng.below(4)]),
        kind if kind.is_number() => Arg::Int([0, 1, 2][rng.below(3)]),
        _ => {
            let objects = fitting(build, kinds);
            if objects.is_empty() || (nullable && rng.below(3) == 0) {
                return Arg::Null;
            }
            Arg::Object(objects[rng.below(objects.len())])
        }
    }
}

fn random_operation(rng: &mut Random, build: &Build, ops: &[Op]) -> Stmt {
    let op = ops[rng.below(ops.len())];
    let spec = op.spec();
    let args = spec.args.iter().map(|arg| {
        if arg.text { Arg::Text("choice".into()) } else { random_arg(rng, build, arg.kinds, arg.nullable) }
    });
    let args = args.collect();
    let out = (spec.result == Some(Kind::Int)).then_some(0);
    Stmt::Op(Operation { op, args, out, at: SiteId::UNKNOWN })
}

/// Two of everything that runs later, all functions and threads with random bodies.
fn random_scenario(rng: &mut Random) -> Build {
    let mut build = Build::default();
    let functions = 24;
    let mut next = 0;
    let mut function = || {
        next += 1;
        ProgramId::new(next - 1)
    };
    for copy in 0..2 {
        let kinds = [
            ObjectKind::Spinlock { class: None },
            ObjectKind::Mutex { class: None },
            ObjectKind::Completion,
            ObjectKind::Cell { init: 0 },
            ObjectKind::WaitQueue,
            ObjectKind::Workqueue { ordered: copy == 0, mem_reclaim: rng.below(2) == 0, max_active: copy },
            ObjectKind::Work { function: function() },
            ObjectKind::Work { function: function() },
            ObjectKind::DelayedWork { function: function() },
            ObjectKind::KthreadWorker,
            ObjectKind::KthreadWork { function: function() },
            ObjectKind::Timer { function: function(), irqsafe: copy == 0 },
            ObjectKind::Irq {
                handler: (copy == 0).then(&mut function),
                thread: (rng.below(2) == 0).then(&mut function),
            },
            ObjectKind::Tasklet { function: function() },
            ObjectKind::IrqWork { function: function() },
            ObjectKind::RcuHead { function: function() },
            ObjectKind::Task { thread: copy },
        ];
        let at = SiteId::UNKNOWN;
        let objects =
            kinds.into_iter().map(|kind| Object { name: format!("{kind:?}"), kind, at, driver: None });
        build.scenario.objects.extend(objects);
    }
    declare_gpus(rng, &mut build);
    assert!(next <= functions, "{next} functions");
    let ops: Vec<Op> = Op::ALL
        .iter()
        .copied()
        .filter(|op| match op.spec().family {
            Family::Deferred => true,
            Family::Context | Family::Data | Family::Lock => op.spec().visible,
            Family::Device => *op != Op::ForeignFence,
            _ => false,
        })
        .filter(|op| {
            let mut args = op.spec().args.iter();
            args.all(|arg| arg.nullable || arg.kinds[0].is_number() || !fitting(&build, arg.kinds).is_empty())
        })
        .collect();
    // What runs later is half of what happens.
    let deferred: Vec<Op> = ops.iter().copied().filter(|op| op.spec().family == Family::Deferred).collect();
    let body = |rng: &mut Random, build: &Build| -> Vec<Stmt> {
        let mut statements = vec![op_out(Op::Set, &[Arg::Null], 1)];
        for _ in 0..rng.below(5) {
            let from = if rng.below(2) == 0 { &deferred } else { &ops };
            statements.push(random_operation(rng, build, from));
        }
        statements
    };
    for number in 0..functions {
        let mut statements = body(rng, &build);
        let value = Some(Arg::Int([0, 1][rng.below(2)]));
        statements.push(Stmt::Return { value, at: SiteId::UNKNOWN });
        build.handler(&format!("f{number}"), 0, &REGISTERS, Some(Kind::Int), statements);
    }
    for number in 0..3 {
        let statements = [body(rng, &build), body(rng, &build)].concat();
        build.thread(&format!("t{number}"), &REGISTERS, statements);
    }
    build.scenario.environment.memory_pressure = rng.below(2) == 0;
    build.scenario.environment.early_timeouts = rng.below(2) == 0;
    build.scenario.environment.interrupts_waits = rng.below(2) == 0;
    build.scenario.environment.trylock_failure = rng.below(2) == 0;
    build.scenario.environment.gpu_hangs = rng.below(2) == 0;
    build.scenario.environment.irq_loss = rng.below(2) == 0;
    build.scenario.environment.reset_failure = rng.below(2) == 0;
    build
}

/// A GPU with two engines and three rings, an engine by itself; work of every sort.
fn declare_gpus(rng: &mut Random, build: &mut Build) {
    let irq = build.scenario.objects.iter().position(|object| object.kind.kind() == Kind::Irq);
    let irq = irq.map(ObjectId::new);
    let mut switch = || rng.below(2) == 0;
    let gpu = ObjectKind::Gpu { engine_reset: switch(), full_reset: switch() };
    let gpu = Some(build.object("gpu", gpu));
    let engine = ObjectKind::Engine { irq, gpu, preemption: switch() };
    let engines = [
        build.object("engine0", engine),
        build.object("engine1", ObjectKind::Engine { irq: None, gpu, preemption: true }),
        build.object("engine2", ObjectKind::Engine { irq, gpu: None, preemption: true }),
    ];
    for (number, engine) in [0, 0, 1].into_iter().enumerate() {
        let irq = irq.filter(|_| switch());
        let slots = 1 + number as u32;
        build.object(&format!("ring{number}"), ObjectKind::Ring { engine: engines[engine], slots, irq });
    }
    let semaphores = ["s0", "s1"].map(|name| build.object(name, ObjectKind::GpuSemaphore));
    let locks = ["l0", "l1"].map(|name| build.object(name, ObjectKind::GpuLock));
    let point = |number: usize| SemaphorePoint { semaphore: semaphores[number % 2], value: number as i64 };
    for number in 0..6 {
        let hangs = [GpuHang::No, GpuHang::AfterPreemption, GpuHang::Finite(3), GpuHang::Infinite];
        let kind = ObjectKind::GpuJob {
            run_time: [0, 2, 5][number % 3],
            hang: hangs[rng.below(8).saturating_sub(4)],
            waits: (0..rng.below(3)).map(|_| point(rng.below(4))).collect(),
            signals: (0..rng.below(3)).map(|_| point(rng.below(4))).collect(),
            locks: (0..rng.below(3)).map(|_| locks[rng.below(2)]).collect(),
            uses: Vec::new(),
            fault: rng.below(5) == 0,
        };
        build.object(&format!("job{number}"), kind);
    }
}

/// So many steps of a random schedule, or fewer if it ends.
fn run(plan: &Plan, world: &mut World, seed: u64) -> Vec<Event> {
    let (mut schedule, mut choices) = (Random(seed), Random(!seed));
    let (mut events, mut actions) = (Vec::new(), Vec::new());
    for step in 0..300 {
        world.enabled(plan, &mut actions);
        if actions.is_empty() {
            break;
        }
        let action = actions[schedule.below(actions.len())];
        world.step(plan, action, step, &mut events, &mut choices);
    }
    events
}

#[test]
fn no_misuse_panics_and_a_world_is_reset_in_place() {
    let mut rng = Random(7);
    let mut rules = BTreeSet::new();
    for scenario in 0..2_000 {
        let build = random_scenario(&mut rng);
        let plan = Plan::new(&build.scenario).expect("a valid scenario");
        let mut world = plan.initial().clone();
        for seed in 0..4 {
            let mut fresh = plan.initial().clone();
            let events = run(&plan, &mut fresh, seed);
            world.clone_from(plan.initial());
            assert!(world == *plan.initial(), "scenario {scenario}, seed {seed}");
            assert_eq!(run(&plan, &mut world, seed), events, "scenario {scenario}, seed {seed}");
            assert!(world == fresh, "scenario {scenario}, seed {seed}");
            rules.extend(events.iter().filter_map(|event| match event.kind {
                EventKind::Broken(rule, ..) => Some(rule),
                _ => None,
            }));
        }
    }
    // They get far enough to break everything that can be broken here.
    let expected = ["RF502", "RF509", "RF510", "RF610", "RF613", "RF614", "RF615"];
    assert!(expected.iter().all(|rule| rules.contains(rule)), "{rules:?}");
}
