//! The suites `drm_sched_basic_tests` and `drm_sched_basic_cancel_tests` of
//! `drivers/gpu/drm/scheduler/tests/tests_basic.c`, under random schedules.

use ringfence_base::scenario::{Op, SchedPolicy};
use ringfence_model::KernelVersion;

use crate::build::obj;
use crate::mock_log::{Log, Mark};
use crate::mock_scheduler::{
    BOTH_VERSIONS, Config, ECANCELED, ESRCH, HZ, Hardware, JOB, Mock, NORMAL, PRIORITIES,
};

/// One job: it is scheduled at once, and finished only when the hardware says so.
#[test]
fn drm_sched_basic_submit() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::new(Hardware::Manual));
        let entity = mock.entity(sched, NORMAL);
        mock.thread("kunit", |t| {
            let job = t.submit(entity);
            t.wait_scheduled(&job, HZ, true);
            t.wait_finished(&job, HZ / 2, false);
            t.advance(&job);
            t.wait_finished(&job, HZ, true);
            t.expect_status(&job, 1);
            t.tear_down(&[entity], &[sched]);
        });
        mock.always(|log| log.each_succeeds());
    }
}

/// Jobs with a run time, on one entity after the other; all of them end within a second.
fn queues(depth: usize, entities: usize, chain: bool, policy: SchedPolicy) {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config { policy, ..Config::new(Hardware::Each(JOB)) });
        let entities = mock.entities(sched, entities);
        mock.thread("kunit", |t| {
            for job in t.submit_queue(&entities, depth, chain) {
                t.wait_finished(&job, HZ, true);
            }
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| {
            log.each_succeeds();
            log.finish_as_run();
            let in_order = log.order(Mark::Run) == log.numbers().collect::<Vec<_>>();
            log.expect(in_order || !chain, "a chain is run in its order");
        });
    }
}

/// `drm_sched_basic_test`, by the descriptions of its cases.
mod drm_sched_basic_test {
    use super::{SchedPolicy, queues};

    #[test]
    fn a_queue_of_jobs_in_a_single_entity() {
        queues(6, 1, false, SchedPolicy::Fifo);
    }

    #[test]
    fn a_chain_of_dependent_jobs_across_multiple_entities() {
        queues(6, 1, true, SchedPolicy::Fifo);
    }

    #[test]
    fn multiple_independent_job_queues() {
        queues(8, 4, false, SchedPolicy::Fifo);
    }

    #[test]
    fn multiple_inter_dependent_job_queues() {
        queues(8, 4, true, SchedPolicy::Fifo);
    }

    #[test]
    fn multiple_inter_dependent_job_queues_round_robin() {
        queues(8, 4, true, SchedPolicy::RoundRobin);
    }
}

/// A chain is run in its order, although the entities of later jobs have higher priorities and all of it is queued
/// before the scheduler starts.
#[test]
fn a_chain_against_the_priorities() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::new(Hardware::Each(JOB)));
        let mut entities = PRIORITIES.map(|priority| mock.entity(sched, priority));
        entities.reverse();
        mock.thread("kunit", |t| {
            t.call(Op::DrmSchedWqueueStop, &[obj(sched)]);
            let jobs = t.submit_queue(&entities, 8, true);
            t.call(Op::DrmSchedWqueueStart, &[obj(sched)]);
            t.wait_finished(&jobs[7], HZ, true);
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| {
            log.each_succeeds();
            log.expect(log.order(Mark::Run).is_sorted(), "a chain is run in its order");
        });
    }
}

/// A chain across two schedulers: what is on another hardware has to be finished, to be scheduled is not enough.
#[test]
fn a_chain_across_schedulers() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let config = Config::new(Hardware::Each(JOB));
        let scheds = [mock.scheduler(&config), mock.scheduler(&config)];
        let entities = scheds.map(|sched| mock.entity(sched, NORMAL));
        mock.thread("kunit", |t| {
            let jobs = t.submit_queue(&entities, 6, true);
            t.wait_finished(&jobs[5], HZ, true);
            t.tear_down(&entities, &scheds);
        });
        mock.always(|log| {
            log.each_succeeds();
            for job in 1..6 {
                let waits = log.before((job - 1, Mark::Finished), (job, Mark::Run));
                log.expect(waits, &format!("job {job} waits until job {} is finished", job - 1));
            }
        });
    }
}

/// Entities are destroyed while half of a chain is still to be done. Destroying waits until all of it was run.
#[test]
fn drm_sched_basic_entity_cleanup() {
    entity_cleanup(u32::MAX);
}

/// The same if the hardware takes one job at a time, so that much is still in the entities' queues.
#[test]
fn drm_sched_basic_entity_cleanup_one_at_a_time() {
    entity_cleanup(1);
}

fn entity_cleanup(credit_limit: u32) {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_limit(Hardware::Each(JOB), credit_limit));
        let entities = mock.entities(sched, 4);
        mock.thread("kunit", |t| {
            let jobs = t.submit_queue(&entities, 8, true);
            t.wait_finished(&jobs[4], HZ, true);
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| {
            log.each_runs();
            for job in 0..=4 {
                log.expect(log.error(job) == 0, "what was waited for succeeds");
            }
        });
    }
}

/// The same without waiting: what was not run yet never is, and ends with -ESRCH once what it depends on has ended.
#[test]
fn entities_are_killed_with_half_of_a_chain_still_to_be_run() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_limit(Hardware::Each(JOB), 1));
        let entities = mock.entities(sched, 4);
        mock.thread("kunit", |t| {
            let jobs = t.submit_queue(&entities, 8, true);
            t.wait_finished(&jobs[2], HZ, true);
            for (number, &entity) in entities.iter().enumerate() {
                t.call(Op::DrmSchedEntityFini, &[obj(entity)]);
                if number == 0 {
                    t.sleep(JOB);
                }
            }
            t.wait_freed();
            t.sched_fini(sched);
        });
        let claim = |log: &Log<'_>| {
            log.each_ends_once();
            for job in log.numbers() {
                let expected = if log.count(job, Mark::Run) == 0 { ESRCH } else { 0 };
                log.expect(log.error(job) == expected, "what was run succeeds, what was not is killed");
            }
            log.expect(log.order(Mark::Run).len() >= 3, "what was waited for was run");
        };
        // A job can be run although the one that it waited for was killed.
        let after_killed = |log: &Log<'_>| {
            log.numbers().skip(1).any(|job| log.error(job) == 0 && log.error(job - 1) == ESRCH)
        };
        mock.always_and_sometimes(claim, after_killed);
    }
}

/// `drm_sched_fini()` cancels what is pending.
#[test]
fn drm_sched_basic_cancel() {
    let mut mock = Mock::new(KernelVersion::Next);
    let sched = mock.scheduler(&Config::new(Hardware::Manual));
    let entity = mock.entity(sched, NORMAL);
    mock.thread("kunit", |t| {
        let job = t.submit(entity);
        t.wait_scheduled(&job, HZ, true);
        t.entity_free(entity);
        t.sched_fini(sched);
        t.expect_status(&job, ECANCELED.into());
    });
    mock.always(|log| {
        log.each_runs();
        log.expect(log.count(0, Mark::Cancel) == 1, "it is canceled once");
        log.expect(log.hardware_error(0) == ECANCELED, "the hardware's fence says so");
    });
}

/// Several of them, some of which the hardware may be done with: each is freed once.
#[test]
fn jobs_that_still_run_are_canceled() {
    let mut mock = Mock::new(KernelVersion::Next);
    let sched = mock.scheduler(&Config::new(Hardware::Each(JOB)));
    let entities = mock.entities(sched, 2);
    mock.thread("kunit", |t| {
        let jobs = t.submit_queue(&entities, 4, false);
        t.wait_scheduled(&jobs[3], HZ, true);
        t.tear_down(&entities, &[sched]);
    });
    mock.always(|log| {
        log.each_runs();
        let run = log.order(Mark::Run);
        let errors: Vec<i32> = run.iter().map(|&job| log.error(job)).collect();
        log.expect(errors.is_sorted_by(|a, b| a >= b), "the hardware completes the oldest ones");
    });
}

/// Before there was `cancel_job`, `drm_sched_fini()` left pending jobs alone, and with them their memory.
#[test]
fn without_cancel_job_pending_jobs_are_left_alone() {
    let mut mock = Mock::new(KernelVersion::V6_12);
    let sched = mock.scheduler(&Config::new(Hardware::Manual));
    let entity = mock.entity(sched, NORMAL);
    mock.thread("kunit", |t| {
        let job = t.submit(entity);
        t.wait_scheduled(&job, HZ, true);
        t.entity_free(entity);
        t.sched_fini(sched);
    });
    mock.run(|log| {
        let ends = [Mark::Cancel, Mark::Free, Mark::Hardware, Mark::Finished];
        log.expect(ends.iter().all(|&end| log.count(0, end) == 0), "nothing happens to the job");
        log.expect(log.count(0, Mark::Run) == 1, "it was run");
    });
}
