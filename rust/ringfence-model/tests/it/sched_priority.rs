//! The suite `drm_sched_basic_priority_tests` of `drivers/gpu/drm/scheduler/tests/tests_basic.c`, under random
//! schedules.

use ringfence_base::ObjectId;
use ringfence_base::scenario::{Arg, Kind, Op, SchedPolicy};

use crate::build::{obj, op_out};
use crate::mock_log::{Log, Mark};
use crate::mock_scheduler::{BOTH_VERSIONS, Config, HZ, Hardware, JOB, Mock, PRIORITIES};
use crate::ww::R;

/// An entity of each priority.
fn entities(mock: &mut Mock, sched: ObjectId) -> Vec<ObjectId> {
    PRIORITIES.into_iter().map(|priority| mock.entity(sched, priority)).collect()
}

/// Jobs of entities of all priorities: all of them are run.
#[test]
fn drm_sched_priorities() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::new(Hardware::Each(JOB)));
        let entities = entities(&mut mock, sched);
        mock.thread("kunit", |t| {
            let jobs = t.submit_queue(&entities, 8, false);
            t.wait_finished(&jobs[7], HZ, true);
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| log.each_runs());
    }
}

/// What is queued before the scheduler starts is run by priority: KERNEL, HIGH, NORMAL, LOW.
#[test]
fn what_is_queued_is_run_by_priority() {
    for version in BOTH_VERSIONS {
        for policy in [SchedPolicy::Fifo, SchedPolicy::RoundRobin] {
            let mut mock = Mock::new(version);
            let config = Config { policy, ..Config::with_limit(Hardware::Each(JOB), 2) };
            let sched = mock.scheduler(&config);
            let mut entities = entities(&mut mock, sched);
            // The least urgent ones are submitted first.
            entities.reverse();
            mock.thread("kunit", |t| {
                t.call(Op::DrmSchedWqueueStop, &[obj(sched)]);
                let jobs = t.submit_queue(&entities, 8, false);
                t.call(Op::DrmSchedWqueueStart, &[obj(sched)]);
                for job in &jobs {
                    t.wait_finished(job, HZ, true);
                }
                t.tear_down(&entities, &[sched]);
            });
            mock.always(|log| {
                log.each_succeeds();
                log.finish_as_run();
                let order = log.order(Mark::Run);
                log.expect(order == [3, 7, 2, 6, 1, 5, 0, 4], "the more urgent ones come first");
            });
        }
    }
}

/// Priorities change all the time while jobs are run: none is lost, none is run twice.
#[test]
fn drm_sched_change_priority() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::new(Hardware::Each(JOB)));
        let entities = entities(&mut mock, sched);
        mock.thread("kunit", |t| {
            let priorities = [(); 4].map(|()| t.register(Kind::Int));
            for (&register, priority) in priorities.iter().zip(PRIORITIES) {
                t.push(op_out(Op::Set, &[Arg::Int(priority.into())], register));
            }
            let jobs = t.submit_queue(&entities, 8, false);
            t.forever(|t| {
                for (&entity, &priority) in entities.iter().zip(&priorities) {
                    t.push(op_out(Op::Add, &[R(priority), Arg::Int(1)], priority));
                    t.push(op_out(Op::And, &[R(priority), Arg::Int(3)], priority));
                    t.call(Op::DrmSchedEntitySetPriority, &[obj(entity), R(priority)]);
                    t.sleep(JOB / 4);
                    t.break_if_finished(&jobs[7]);
                }
            });
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| log.each_runs());
    }
}

/// Likewise while jobs are submitted, each entity by a thread of its own: it is then that an entity moves to another
/// run-queue, if it has several schedulers to choose from.
#[test]
fn priorities_change_while_jobs_are_submitted() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let config = Config::with_limit(Hardware::Each(JOB), 1);
        let scheds = [mock.scheduler(&config), mock.scheduler(&config)];
        let entities = [0, 3].map(|priority| mock.entity_on(&scheds, priority));
        for (number, &entity) in entities.iter().enumerate() {
            mock.thread(&format!("submitter{number}"), |t| {
                for _ in 0..3 {
                    let job = t.submit(entity);
                    t.wait_finished(&job, HZ, true);
                }
                t.done();
            });
        }
        mock.thread("kunit", |t| {
            for turn in 0..4 {
                for (number, &entity) in entities.iter().enumerate() {
                    let priority = PRIORITIES[(turn + 2 * number) % PRIORITIES.len()];
                    t.call(Op::DrmSchedEntitySetPriority, &[obj(entity), Arg::Int(priority.into())]);
                }
                t.sleep(JOB);
            }
            t.wait_done(entities.len());
            t.tear_down(&entities, &scheds);
        });
        let moves = |log: &Log<'_>| entities.iter().any(|&entity| log.hardwares(entity) == 2);
        mock.always_and_sometimes(|log| log.each_succeeds(), moves);
    }
}
