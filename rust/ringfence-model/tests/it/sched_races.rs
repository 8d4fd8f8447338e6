//! What overtakes what in the GPU scheduler, and who is woken in the end.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, SchedFix};

use crate::build::{obj, op, op_out};
use crate::run::{run, run_with};
use crate::sched_support::{Config, Driver, INT, depends, have_returned, pause, submit, wait};
use crate::ww::{Lcg, R, broken, states};

/// Jobs of a killed entity have works of their own: it can be set up again at once.
#[test]
fn an_entity_is_used_again_while_its_killed_jobs_end() {
    let mut driver = Driver::default();
    let dependency = driver.fence("dependency");
    let config = driver.config(None);
    let sched = driver.sched(config);
    let entity = driver.entity(sched);
    driver.thread(
        "client",
        &[
            submit(entity, 1, depends(obj(dependency))),
            vec![
                op(Op::DrmSchedEntityKill, &[obj(entity)]),
                op(Op::DrmSchedEntityInit, &[obj(entity), INT(2), Arg::List(vec![obj(sched)])]),
                op(Op::DmaFenceSignal, &[obj(dependency)]),
            ],
            wait(1),
            submit(entity, 1, Vec::new()),
            wait(1),
        ],
    );
    let (world, events) = run(&driver.plan());
    assert!(have_returned(&world, 1), "{:?}", states(&world));
    assert_eq!(broken(&events), Vec::<String>::new());
}

/// Only a dependency on a job of the same scheduler was cleared without waking it.
#[test]
fn a_scheduler_hears_that_a_job_is_on_another_one() {
    let mut driver = Driver::default();
    let dependency = driver.fence("dependency");
    let config = driver.config(None);
    let other = driver.sched(config);
    let config = Config { without: vec![SchedFix::DependencyWakeup], ..driver.config(None) };
    let sched = driver.sched(config);
    let (first, second) = (driver.entity(other), driver.entity(sched));
    driver.thread(
        "client",
        &[
            submit(first, 1, depends(obj(dependency))),
            vec![op_out(Op::DrmSchedJobScheduled, &[R(0)], 2), op(Op::DmaFenceGet, &[R(2)])],
            submit(second, 3, depends(R(2))),
            pause(),
            vec![op(Op::DmaFenceSignal, &[obj(dependency)])],
            wait(3),
            wait(2),
            wait(1),
        ],
    );
    let (world, events) = run(&driver.plan());
    assert!(have_returned(&world, 1), "{:?}", states(&world));
    assert_eq!(broken(&events), Vec::<String>::new());
}

/// A scheduler is stopped while the hardware's fence is being signaled, and others wait for something else: its
/// callback has run, and what takes its place in memory is not taken away.
#[test]
fn stopping_takes_away_no_callback_of_others() {
    let mut driver = Driver::default();
    let (hardware, unrelated) = (driver.fence("hardware"), driver.fence("unrelated"));
    let go = driver.build.object("go", ObjectKind::Completion);
    // So that something can come in between.
    let lock = driver.build.object("lock", ObjectKind::Spinlock { class: None });
    let body = vec![op(Op::SpinLock, &[obj(lock)]), op(Op::SpinUnlock, &[obj(lock)])];
    let function = driver.build.handler("callback", 1, &[Kind::Fence], None, body);
    let [before, behind] =
        ["before", "behind"].map(|name| driver.build.object(name, ObjectKind::FenceCb { function }));
    let config = driver.config(Some(hardware));
    let sched = driver.sched(config);
    let entity = driver.entity(sched);
    driver.thread(
        "client",
        &[
            vec![op(Op::DmaFenceAddCallback, &[obj(hardware), obj(before)])],
            submit(entity, 1, Vec::new()),
            vec![
                op(Op::DmaFenceAddCallback, &[R(1), obj(behind)]),
                op_out(Op::DrmSchedJobScheduled, &[R(0)], 2),
                op(Op::DmaFenceWait, &[R(2), INT(0)]),
            ],
            pause(),
            vec![op(Op::CompleteAll, &[obj(go)])],
            wait(1),
        ],
    );
    let parts = [
        ("signaller", vec![op(Op::DmaFenceSignal, &[obj(hardware)])]),
        ("reset", vec![op(Op::DrmSchedStop, &[obj(sched), Arg::Null])]),
        ("waiter", vec![op(Op::DmaFenceWait, &[obj(unrelated), INT(0)])]),
        ("other", vec![op(Op::DmaFenceSignal, &[obj(unrelated)])]),
    ];
    let reset_ends = vec![op(Op::DrmSchedStart, &[obj(sched), INT(0)])];
    for (name, body) in parts {
        let last = if name == "reset" { reset_ends.clone() } else { Vec::new() };
        driver.thread(name, &[vec![op(Op::WaitForCompletion, &[obj(go)])], body, last]);
    }
    let plan = driver.plan();
    for seed in 0..10_000 {
        let (mut schedule, mut choices) = (Lcg(seed), Lcg(!seed));
        let (world, _) = run_with(&plan, &mut choices, |actions| schedule.below(actions.len()));
        assert!(have_returned(&world, 5), "seed {seed}: {:?}", states(&world));
    }
}
