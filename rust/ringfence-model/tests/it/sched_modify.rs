//! The suite `drm_sched_basic_modify_sched_tests` of `drivers/gpu/drm/scheduler/tests/tests_basic.c`, under random
//! schedules.

use ringfence_base::ObjectId;
use ringfence_base::scenario::{Arg, Op};

use crate::build::obj;
use crate::mock_log::Log;
use crate::mock_scheduler::{BOTH_VERSIONS, Config, HZ, Hardware, JOB, Mock, NORMAL};
use crate::mock_test::{PLAIN, Special, Test};

/// So many schedulers, and entities that begin on one after the other of them.
fn world(mock: &mut Mock, scheds: usize, entities: usize) -> (Vec<ObjectId>, Vec<ObjectId>) {
    let config = Config::new(Hardware::Each(JOB));
    let scheds: Vec<ObjectId> = (0..scheds).map(|_| mock.scheduler(&config)).collect();
    let entities = (0..entities).map(|number| mock.entity(scheds[number % scheds.len()], NORMAL)).collect();
    (scheds, entities)
}

fn modify(t: &mut Test<'_>, entity: ObjectId, sched: ObjectId) {
    t.call(Op::DrmSchedEntityModifySched, &[obj(entity), Arg::List(vec![obj(sched)])]);
}

/// While jobs are run, their entities get other schedulers all the time. Both numbers are prime, so that every entity
/// gets every scheduler.
#[test]
fn drm_sched_test_modify_sched() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let (scheds, entities) = world(&mut mock, 3, 5);
        mock.thread("kunit", |t| {
            let jobs = t.submit_queue(&entities, 10, false);
            t.forever(|t| {
                for turn in 1..=scheds.len() * entities.len() {
                    t.sleep(JOB / 4);
                    modify(t, entities[turn % entities.len()], scheds[turn % scheds.len()]);
                    t.break_if_finished(&jobs[9]);
                }
            });
            t.tear_down(&entities, &scheds);
        });
        mock.always(|log| log.each_runs());
    }
}

/// Likewise while jobs are submitted, under a common lock, as the function asks for: it is then that an entity goes
/// to another scheduler. Its jobs are run in order all the same.
#[test]
fn schedulers_change_while_jobs_are_submitted() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let (scheds, entities) = world(&mut mock, 3, 2);
        let lock = mock.build.mutex("lock");
        let special = Special { lock: Some(lock), ..PLAIN };
        for (number, &entity) in entities.iter().enumerate() {
            mock.thread(&format!("submitter{number}"), |t| {
                for turn in 0..4 {
                    let job = t.submit_special(entity, special);
                    if turn % 2 == 0 {
                        t.wait_finished(&job, HZ, true);
                    }
                }
                t.done();
            });
        }
        mock.thread("kunit", |t| {
            for turn in 1..=6 {
                t.call(Op::MutexLock, &[obj(lock)]);
                modify(t, entities[turn % entities.len()], scheds[turn % scheds.len()]);
                t.call(Op::MutexUnlock, &[obj(lock)]);
                t.sleep(JOB / 2);
            }
            t.wait_done(entities.len());
            t.tear_down(&entities, &scheds);
        });
        let moves = |log: &Log<'_>| entities.iter().any(|&entity| log.hardwares(entity) == 3);
        mock.always_and_sometimes(|log| log.each_runs(), moves);
    }
}
