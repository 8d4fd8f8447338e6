//! Who has what of a job, and when it goes.

use ringfence_base::ObjectId;
use ringfence_base::scenario::{Kind, ObjectKind, Op, Stmt};

use crate::build::{obj, op};
use crate::run::run;
use crate::sched_support::{Config, Driver, INT, give, have_returned, pause, submit, submit_again, wait};
use crate::ww::{R, broken};

/// The memory of a job may be used for the next one while somebody has still a reference to the fences of the last.
#[test]
fn fences_outlive_a_job_whose_memory_is_used_again() {
    let mut driver = Driver::default();
    let done = driver.build.object("done", ObjectKind::Completion);
    let cleanup = vec![op(Op::DrmSchedJobCleanup, &[R(0)]), op(Op::Complete, &[obj(done)])];
    let free_job = driver.function("free_job", None, cleanup);
    let config = Config { free_job, ..driver.config(None) };
    let sched = driver.sched(config);
    let entity = driver.entity(sched);
    let is_done = vec![op(Op::WaitForCompletion, &[obj(done)])];
    driver.thread(
        "client",
        &[
            submit(entity, 1, Vec::new()),
            is_done.clone(),
            submit_again(entity, 2, Vec::new()),
            wait(1),
            wait(2),
            is_done,
            vec![op(Op::DrmSchedJobFree, &[R(0)]), op(Op::DrmSchedEntityDestroy, &[obj(entity)])],
        ],
    );
    let (world, events) = run(&driver.plan());
    assert!(have_returned(&world, 1));
    assert_eq!(broken(&events), Vec::<String>::new());
    assert!(world.fences().filter(|fence| fence.sort != "stub").all(|fence| fence.freed));
}

/// What goes wrong with a timeout handler that does this with its job, whose hardware has completed meanwhile.
fn after_handler(body: impl FnOnce(ObjectId) -> Vec<Stmt>) -> Vec<String> {
    let mut driver = Driver::default();
    let hardware = driver.fence("hardware");
    let sched = driver.name_sched();
    let mut handler = vec![op(Op::DmaFenceSignal, &[obj(hardware)])];
    handler.extend(body(sched));
    let timedout_job = Some(driver.function("timedout_job", Some(Kind::Int), handler));
    let config = Config { timedout_job, timeout: 1_000, ..driver.config(Some(hardware)) };
    driver.describe(sched, config);
    let entity = driver.entity(sched);
    driver.thread("client", &[submit(entity, 1, Vec::new()), wait(1), pause()]);
    let (world, events) = run(&driver.plan());
    assert!(have_returned(&world, 1));
    broken(&events)
}

const CLEANUP: fn() -> Stmt = || op(Op::DrmSchedJobCleanup, &[R(0)]);
const FREE: fn() -> Stmt = || op(Op::DrmSchedJobFree, &[R(0)]);

/// `drm_sched_stop()` leaves a bad job that is complete for the scheduler to free.
#[test]
fn a_job_that_the_scheduler_frees_after_the_handler_is_not_freed_by_the_handler() {
    let found = after_handler(|sched| {
        vec![
            op(Op::DrmSchedStop, &[obj(sched), R(0)]),
            CLEANUP(),
            FREE(),
            op(Op::DrmSchedStart, &[obj(sched), INT(0)]),
            give(INT(1)),
        ]
    });
    assert_eq!(found, ["RF502 the scheduler goes on with a job that its timeout handler has freed"]);
}

#[test]
fn a_job_that_was_freed_is_not_put_back() {
    let found = after_handler(|_| vec![CLEANUP(), FREE(), give(INT(3))]);
    assert_eq!(found, ["RF502 the scheduler goes on with a job that its timeout handler has freed"]);
}

/// `drm_sched_stop()` has put it back already.
#[test]
fn a_job_is_not_put_back_twice() {
    let mut driver = Driver::default();
    let hardware = driver.fence("hardware");
    let sched = driver.name_sched();
    let handler = vec![
        op(Op::DrmSchedStop, &[obj(sched), R(0)]),
        op(Op::DrmSchedResubmitJobs, &[obj(sched)]),
        op(Op::DrmSchedStart, &[obj(sched), INT(0)]),
        op(Op::DmaFenceSignal, &[obj(hardware)]),
        give(INT(3)),
    ];
    let timedout_job = Some(driver.function("timedout_job", Some(Kind::Int), handler));
    let config = Config { timedout_job, timeout: 1_000, ..driver.config(Some(hardware)) };
    driver.describe(sched, config);
    let entity = driver.entity(sched);
    driver.thread("client", &[submit(entity, 1, Vec::new()), wait(1)]);
    // The timeout handler goes before the work that frees the job.
    let (_, events) = run(&driver.plan());
    assert_eq!(broken(&events), ["RF502 a job is put on the list of pending jobs twice: the list is broken"]);
}

/// What the handler has cleaned up is the driver's own again, to free when it likes.
#[test]
fn a_job_that_the_handler_cleaned_up_is_not_lost() {
    assert_eq!(after_handler(|_| vec![CLEANUP(), give(INT(1))]), Vec::<String>::new());
}
