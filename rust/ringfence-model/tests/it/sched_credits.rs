//! The suite `drm_sched_basic_credits_tests` of `drivers/gpu/drm/scheduler/tests/tests_basic.c`, under random
//! schedules.

use crate::mock_log::{Log, Mark};
use crate::mock_scheduler::{BOTH_VERSIONS, Config, HZ, Hardware, JOB, Mock, NORMAL};
use crate::mock_test::{PLAIN, Special};

fn within(log: &Log<'_>, limit: i64) {
    log.each_succeeds();
    log.expect(log.most_credits() <= limit, &format!("never more than {limit} credits on the hardware"));
}

/// With a limit of one, the second job is not scheduled before the first is finished.
#[test]
fn drm_sched_test_credits() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_limit(Hardware::Manual, 1));
        let entity = mock.entity(sched, NORMAL);
        mock.thread("kunit", |t| {
            let jobs = [t.submit(entity), t.submit(entity)];
            t.wait_scheduled(&jobs[0], HZ, true);
            t.wait_scheduled(&jobs[1], HZ, false);
            t.advance(&jobs[0]);
            t.wait_scheduled(&jobs[1], HZ, true);
            t.advance(&jobs[1]);
            t.wait_finished(&jobs[1], HZ, true);
            t.tear_down(&[entity], &[sched]);
        });
        mock.always(|log| within(log, 1));
    }
}

/// Jobs of all sizes, submitted by several threads: never more at once than the limit, and all of them are run.
#[test]
fn there_is_never_more_on_the_hardware_than_the_limit() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_limit(Hardware::Each(JOB), 4));
        let entities = mock.entities(sched, 2);
        for (number, sizes) in [[1, 4, 2], [3, 1, 2]].into_iter().enumerate() {
            mock.thread(&format!("submitter{number}"), |t| {
                for credits in sizes {
                    t.submit_special(entities[number], Special { credits, ..PLAIN });
                }
                t.done();
            });
        }
        mock.thread("kunit", |t| {
            t.wait_done(2);
            t.wait_freed();
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| within(log, 4));
    }
}

/// The oldest job does not fit: a smaller, younger one of another entity does not overtake it.
#[test]
fn a_big_job_waits_and_is_not_overtaken() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_limit(Hardware::Each(100 * JOB), 4));
        let entities = mock.entities(sched, 2);
        mock.thread("kunit", |t| {
            let mut jobs = Vec::new();
            for (number, credits) in [(0, 3), (0, 4), (1, 1)] {
                jobs.push(t.submit_special(entities[number], Special { credits, ..PLAIN }));
                t.sleep(JOB);
            }
            t.wait_scheduled(&jobs[0], HZ, true);
            t.wait_scheduled(&jobs[2], 50 * JOB, false);
            for job in &jobs {
                t.wait_finished(job, HZ, true);
            }
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| {
            within(log, 4);
            log.expect(log.order(Mark::Run) == [0, 1, 2], "jobs are run oldest first");
            for next in 1..3 {
                let waits = log.before((next - 1, Mark::Hardware), (next, Mark::Run));
                log.expect(waits, "each waits until the one before it is done");
            }
        });
    }
}

/// A job that is larger than the limit is cut down to it, with a warning: it runs alone.
#[test]
fn a_job_larger_than_the_limit_runs_alone() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_limit(Hardware::Each(JOB), 2));
        let entity = mock.entity(sched, NORMAL);
        mock.thread("kunit", |t| {
            for credits in [1, 5, 1] {
                t.submit_special(entity, Special { credits, ..PLAIN });
            }
            t.wait_freed();
            t.tear_down(&[entity], &[sched]);
        });
        mock.run(|log| {
            log.each_succeeds();
            let alone = (1..3).all(|next| log.before((next - 1, Mark::Hardware), (next, Mark::Run)));
            log.expect(alone, "nothing is on the hardware with it");
        });
    }
}
