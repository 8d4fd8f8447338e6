//! What drivers' functions may do where the scheduler calls them, and what they are told.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op};

use crate::build::{obj, op};
use crate::run::run;
use crate::sched_support::{Config, Driver, INT, give, have_returned, submit, wait};
use crate::ww::{R, broken};

/// `update_job_credits` is called with `rq->lock` held, a spinlock.
#[test]
fn the_number_of_credits_is_asked_for_in_atomic_context() {
    let found = |sleeps: bool| {
        let mut driver = Driver::default();
        let mut body = vec![give(INT(2))];
        if sleeps {
            body.insert(0, op(Op::MightSleep, &[]));
        }
        let update_job_credits = Some(driver.function("update_job_credits", Some(Kind::Int), body));
        let config = Config { update_job_credits, ..driver.config(None) };
        let sched = driver.sched(config);
        let entity = driver.entity(sched);
        driver.thread("client", &[submit(entity, 1, Vec::new()), wait(1)]);
        let (world, events) = run(&driver.plan());
        assert!(have_returned(&world, 1));
        broken(&events)
    };
    assert_eq!(found(false), Vec::<String>::new());
    let what = "RF610 a function that may sleep is called with preemption or bottom halves off";
    assert_eq!(found(true), [what]);
}

/// `drm_sched_job_add_syncobj_dependency()` takes the point as an `u32`.
#[test]
fn points_of_dependencies_have_32_bits() {
    const FAR: i64 = (1 << 32) + 1;
    let mut driver = Driver::default();
    let (near, far) = (driver.fence("near"), driver.fence("far"));
    let syncobj = driver.build.object("syncobj", ObjectKind::Syncobj);
    let config = driver.config(None);
    let sched = driver.sched(config);
    let entity = driver.entity(sched);
    let dependency = op(Op::DrmSchedJobAddSyncobjDependency, &[R(0), obj(syncobj), Arg::Int(FAR)]);
    driver.thread(
        "client",
        &[
            vec![
                op(Op::SyncobjAddPoint, &[obj(syncobj), obj(near), Arg::Int(1)]),
                op(Op::SyncobjAddPoint, &[obj(syncobj), obj(far), Arg::Int(FAR)]),
                op(Op::DmaFenceSignal, &[obj(near)]),
            ],
            submit(entity, 1, vec![dependency]),
            wait(1),
        ],
    );
    let (world, _) = run(&driver.plan());
    assert!(have_returned(&world, 1), "the job waits for the near fence only");
}
