//! Mutual exclusion and real deadlocks.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op};
use ringfence_model::{Plan, State, Wait};

use crate::build::{Build, obj, op, op_out};
use crate::run::{run, run_with};

fn abba() -> Plan {
    Plan::new(&Build::abba().scenario).expect("a valid scenario")
}

#[test]
fn abba_deadlocks_only_when_interleaved() {
    let plan = abba();
    let (world, _) = run(&plan);
    assert!(world.threads().iter().all(|thread| thread.state() == State::Done));
    let mut turn = 0;
    let (world, _) = run_with(&plan, &mut ringfence_base::Ordinary, |actions| {
        turn += 1;
        turn % actions.len()
    });
    let waits: Vec<State> = world.threads().iter().map(ringfence_model::Thread::state).collect();
    let lock = |lock| State::Blocked(Wait::Lock { lock, shared: false });
    assert_eq!(waits, [lock(1), lock(0)]);
}

#[test]
fn a_cell_under_a_lock_counts_every_increment() {
    let mut build = Build::default();
    let lock = build.mutex("lock");
    let cell = build.object("cell", ObjectKind::Cell { init: 0 });
    for name in ["a", "b", "c"] {
        build.thread(
            name,
            &[Kind::Int, Kind::Int],
            vec![
                op(Op::MutexLock, &[obj(lock)]),
                op_out(Op::CellRead, &[obj(cell)], 0),
                op_out(Op::Add, &[Arg::Register(0), Arg::Int(1)], 1),
                op(Op::CellWrite, &[obj(cell), Arg::Register(1)]),
                op(Op::MutexUnlock, &[obj(lock)]),
            ],
        );
    }
    build.thread(
        "reader",
        &[Kind::Int, Kind::Int],
        vec![
            op(Op::MutexLock, &[obj(lock)]),
            op_out(Op::CellRead, &[obj(cell)], 0),
            op(Op::MutexUnlock, &[obj(lock)]),
        ],
    );
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    let mut seed = 1u32;
    let (world, _) = run_with(&plan, &mut ringfence_base::Ordinary, |actions| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % actions.len()
    });
    assert!(world.threads().iter().all(|thread| thread.state() == State::Done));
}
