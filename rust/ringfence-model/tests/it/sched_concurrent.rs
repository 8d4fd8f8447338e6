//! The suite `drm_sched_concurrent_tests` of `drivers/gpu/drm/scheduler/tests/tests_basic.c`, under random schedules.

use ringfence_base::ObjectId;
use ringfence_base::scenario::{ObjectKind, Op};

use crate::build::obj;
use crate::mock_log::{Log, Mark};
use crate::mock_scheduler::{BOTH_VERSIONS, Config, HZ, Hardware, JOB, Mock, NORMAL};
use crate::mock_test::{Job, PLAIN, Special};

/// The thread that lets all workers go, waits for them, and tears down.
fn main_thread(mock: &mut Mock, go: ObjectId, workers: usize, entities: &[ObjectId], sched: ObjectId) {
    mock.thread("kunit", |t| {
        t.call(Op::CompleteAll, &[obj(go)]);
        t.wait_done(workers);
        t.tear_down(entities, &[sched]);
    });
}

/// Workers that submit several jobs each, to entities of their own; the hardware completes the first one only after
/// all of them are scheduled.
#[test]
fn drm_sched_parallel_submit_test() {
    let (workers, jobs) = (4, 2);
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::new(Hardware::Each(2 * HZ)));
        let entities = mock.entities(sched, workers);
        let go = mock.build.object("wait_go", ObjectKind::Completion);
        for (number, &entity) in entities.iter().enumerate() {
            mock.thread(&format!("worker{number}"), |t| {
                t.call(Op::WaitForCompletion, &[obj(go)]);
                let jobs: Vec<Job> = (0..jobs).map(|_| t.submit(entity)).collect();
                for job in &jobs {
                    t.wait_scheduled(job, HZ, true);
                }
                for job in &jobs {
                    t.wait_finished(job, 60 * HZ, true);
                }
                t.done();
            });
        }
        main_thread(&mut mock, go, workers, &entities, sched);
        mock.always(|log| {
            log.each_succeeds();
            log.finish_as_run();
            let scheduled = log.order(Mark::Scheduled);
            let (last, first) = (scheduled[scheduled.len() - 1], log.order(Mark::Finished)[0]);
            log.expect(
                log.before((last, Mark::Scheduled), (first, Mark::Finished)),
                "all are scheduled before any is finished",
            );
        });
    }
}

/// Workers whose jobs take different times; each keeps two of its jobs in flight.
#[test]
fn drm_sched_interleaved_submit_test() {
    let (workers, window, share) = (4, 2, 4 * JOB);
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let durations: Vec<i64> = (1..).map(|times| times * JOB).take(workers).collect();
        let works: Vec<_> = durations.iter().map(|&duration| mock.work(duration)).collect();
        let sched = mock.scheduler(&Config::new(Hardware::Of(works.clone())));
        let entities = mock.entities(sched, workers);
        let go = mock.build.object("wait_go", ObjectKind::Completion);
        for (number, &entity) in entities.iter().enumerate() {
            let special = Special { work: Some(works[number]), ..PLAIN };
            let count = (share / durations[number]).max(1);
            mock.thread(&format!("worker{number}"), |t| {
                t.call(Op::WaitForCompletion, &[obj(go)]);
                let mut jobs: Vec<Job> = Vec::new();
                for number in 0..count {
                    if number >= window {
                        t.wait_finished(&jobs[(number - window) as usize], HZ, true);
                    }
                    jobs.push(t.submit_special(entity, special));
                }
                for job in jobs.iter().rev().take(window as usize).rev() {
                    t.wait_finished(job, HZ, true);
                }
                t.done();
            });
        }
        main_thread(&mut mock, go, workers, &entities, sched);
        mock.always(|log| {
            log.each_succeeds();
            log.finish_as_run();
        });
    }
}

/// Several threads share an entity, under a lock, as arming and pushing ask for: jobs are run in the order of arming.
#[test]
fn threads_that_share_an_entity() {
    let threads = 3;
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::new(Hardware::Each(JOB)));
        let entity = mock.entity(sched, NORMAL);
        let lock = mock.build.mutex("lock");
        for number in 0..threads {
            mock.thread(&format!("worker{number}"), |t| {
                for _ in 0..2 {
                    t.submit_special(entity, Special { lock: Some(lock), ..PLAIN });
                }
                t.done();
            });
        }
        mock.thread("kunit", |t| {
            t.wait_done(threads);
            t.wait_freed();
            t.tear_down(&[entity], &[sched]);
        });
        let claim = |log: &Log<'_>| {
            log.each_succeeds();
            log.finish_as_run();
            log.expect(log.order(Mark::Arm) == log.order(Mark::Run), "jobs are run in the order of arming");
        };
        // The first thread comes last.
        mock.always_and_sometimes(claim, |log| log.order(Mark::Arm)[4..] == [0, 1]);
    }
}
