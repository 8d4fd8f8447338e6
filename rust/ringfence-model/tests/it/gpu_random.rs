//! Random programs around a GPU: whatever they do, its books are in order after each step.

use ringfence_base::scenario::{Arg, Family, GpuHang, Kind, ObjectKind, Op, Operation, SemaphorePoint, Stmt};
use ringfence_base::{ObjectId, SiteId};
use ringfence_model::Plan;

use crate::build::Build;
use crate::later::Random;

/// Two GPUs, one of which nobody declared; every sort of work.
fn declare(rng: &mut Random, build: &mut Build) {
    let handler = build.program("handler", &[], Vec::new());
    let irq = build.object("irq", ObjectKind::Irq { handler: Some(handler), thread: None });
    let gpu = ObjectKind::Gpu { engine_reset: rng.below(4) != 0, full_reset: rng.below(4) != 0 };
    let gpu = build.object("gpu", gpu);
    let mut engines = Vec::new();
    for (number, gpu) in [Some(gpu), Some(gpu), None].into_iter().enumerate() {
        let kind = ObjectKind::Engine { irq: Some(irq), gpu, preemption: rng.below(3) != 0 };
        engines.push(build.object(&format!("engine{number}"), kind));
    }
    for (number, engine) in [0, 0, 0, 1, 1, 2].into_iter().enumerate() {
        let kind = ObjectKind::Ring { engine: engines[engine], slots: 3, irq: None };
        build.object(&format!("ring{number}"), kind);
    }
    let semaphores = ["s0", "s1"].map(|name| build.object(name, ObjectKind::GpuSemaphore));
    let locks = ["l0", "l1", "l2"].map(|name| build.object(name, ObjectKind::GpuLock));
    for number in 0..8 {
        let mut point = || SemaphorePoint { semaphore: semaphores[rng.below(2)], value: rng.below(3) as i64 };
        let (waits, signals) = (vec![point()], vec![point()]);
        let hangs = [GpuHang::AfterPreemption, GpuHang::Finite(3), GpuHang::Infinite, GpuHang::No];
        let kind = ObjectKind::GpuJob {
            run_time: rng.below(4) as i64,
            hang: hangs[rng.below(20).min(3)],
            waits: waits.into_iter().filter(|_| rng.below(3) == 0).collect(),
            signals: signals.into_iter().filter(|_| rng.below(3) == 0).collect(),
            locks: (0..rng.below(3)).map(|_| locks[rng.below(3)]).collect(),
            uses: Vec::new(),
            fault: rng.below(8) == 0,
        };
        build.object(&format!("job{number}"), kind);
    }
}

fn random_op(rng: &mut Random, build: &Build) -> Stmt {
    let device = |op: &Op| op.spec().family == Family::Device && *op != Op::ForeignFence;
    let ops: Vec<Op> = Op::ALL.iter().copied().filter(device).collect();
    // Half of it is work; giving up is rare.
    let op = match rng.below(4) {
        0 | 1 => Op::RingEmit,
        2 => Op::Msleep,
        _ => ops[rng.below(ops.len())],
    };
    let op = if op == Op::GpuWedge && rng.below(4) != 0 { Op::RingPreempt } else { op };
    let args = op.spec().args.iter().map(|arg| {
        if arg.kinds[0].is_number() {
            return Arg::Int(rng.below(4) as i64);
        }
        let objects = &build.scenario.objects;
        let fits = |&index: &usize| arg.kinds.contains(&objects[index].kind.kind());
        let fitting: Vec<usize> = (0..objects.len()).filter(fits).collect();
        match fitting.len() {
            0 => Arg::Null,
            _ if arg.nullable && rng.below(6) == 0 => Arg::Null,
            count => Arg::Object(ObjectId::new(fitting[rng.below(count)])),
        }
    });
    let args = args.collect();
    Stmt::Op(Operation { op, args, out: None, at: SiteId::UNKNOWN })
}

#[test]
fn the_books_are_in_order_whatever_is_done() {
    let mut rng = Random(11);
    let (mut steps, mut hung, mut completed) = (0, 0, 0);
    for scenario in 0..1_500 {
        let mut build = Build::default();
        declare(&mut rng, &mut build);
        for number in 0..3 {
            let body = (0..12).map(|_| random_op(&mut rng, &build)).collect();
            build.thread(&format!("t{number}"), &[Kind::Int], body);
        }
        let environment = &mut build.scenario.environment;
        for part in ["gpu_hangs", "irq_loss", "reset_failure", "early_timeouts"] {
            *environment.part(part).expect("a part of the environment") = rng.below(3) == 0;
        }
        let plan = Plan::new(&build.scenario).expect("a valid scenario");
        for seed in 0..4 {
            let outcome = run(&plan, scenario, seed);
            steps += outcome.0;
            hung += outcome.1;
            completed += outcome.2;
        }
    }
    assert!(steps > 200_000 && hung > 1_000 && completed > 10_000, "{steps} {hung} {completed}");
}

/// Steps, hangs and completions of one schedule.
fn run(plan: &Plan, scenario: u32, seed: u64) -> (u64, usize, usize) {
    use ringfence_base::{EventKind, GpuEvent};
    let (mut schedule, mut choices) = (Random(seed), Random(!seed));
    let (mut events, mut actions) = (Vec::new(), Vec::new());
    let mut world = plan.initial().clone();
    let mut steps = 0;
    loop {
        world.enabled(plan, &mut actions);
        if actions.is_empty() {
            break;
        }
        let action = actions[schedule.below(actions.len())];
        world.step(plan, action, steps, &mut events, &mut choices);
        if let Err(what) = world.check_invariants(plan) {
            panic!("scenario {scenario}, seed {seed}, step {steps}, {action:?}: {what}");
        }
        steps += 1;
    }
    let count = |wanted: fn(GpuEvent) -> bool| {
        let gpu =
            |event: &&ringfence_base::Event| matches!(event.kind, EventKind::Gpu(what, _) if wanted(what));
        events.iter().filter(gpu).count()
    };
    let of = |wanted| count(wanted);
    (steps, of(|what| matches!(what, GpuEvent::Hang(_))), of(|what| matches!(what, GpuEvent::Complete(_))))
}
