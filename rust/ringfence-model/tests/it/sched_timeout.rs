//! The suite `drm_sched_basic_timeout_tests` of `drivers/gpu/drm/scheduler/tests/tests_basic.c`, under random
//! schedules.

use ringfence_model::KernelVersion;

use crate::mock_log::{Log, Mark};
use crate::mock_scheduler::{
    BOTH_VERSIONS, Config, ETIMEDOUT, HZ, Hardware, JOB, MOCK_TIMEOUT, Mock, NORMAL, OnTimeout,
};
use crate::mock_test::{PLAIN, Special};

/// Of a job that the timeout handler itself has freed.
fn ends_by_timeout(log: &Log<'_>, job: usize) {
    let way = [Mark::Push, Mark::Run, Mark::Scheduled, Mark::TimedOut, Mark::Finished, Mark::Handled];
    let once = way.iter().all(|&mark| log.count(job, mark) == 1);
    let ordered = way.windows(2).all(|pair| log.before((job, pair[0]), (job, pair[1])));
    log.expect(once && ordered, &format!("job {job} goes this way: {way:?}"));
    log.expect(log.error(job) == ETIMEDOUT, "it ends with -ETIMEDOUT");
    log.expect(log.hardware_error(job) == ETIMEDOUT, "and so does the hardware's fence");
    log.expect(log.count(job, Mark::Free) == 0, "the scheduler has nothing to do with it any more");
}

/// The handler is called if the hardware doesn't complete a job in time, and not before.
#[test]
fn drm_sched_basic_timeout() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_timeout(Hardware::Manual, OnTimeout::Reset));
        let entity = mock.entity(sched, NORMAL);
        mock.thread("kunit", |t| {
            let job = t.submit(entity);
            t.wait_scheduled(&job, HZ, true);
            t.wait_finished(&job, MOCK_TIMEOUT / 2, false);
            t.expect_timeouts(false);
            t.wait_finished(&job, MOCK_TIMEOUT, true);
            t.expect_timeouts(true);
            t.expect_status(&job, ETIMEDOUT.into());
            t.tear_down(&[entity], &[sched]);
        });
        mock.always(|log| ends_by_timeout(log, 0));
    }
}

/// A handler that lets the job go on: it is completed without an error. Since 6.17 it says so; before, a driver put
/// the job back on the list itself, which went wrong if the job was completed in between. So here it isn't.
#[test]
fn drm_sched_skip_reset() {
    for (version, wait) in
        [(KernelVersion::V6_12, MOCK_TIMEOUT * 3 / 2), (KernelVersion::Next, 2 * MOCK_TIMEOUT)]
    {
        let mut mock = Mock::new(version);
        let sched = mock.scheduler(&Config::with_timeout(Hardware::Manual, OnTimeout::Skip));
        let entity = mock.entity(sched, NORMAL);
        mock.thread("kunit", |t| {
            let job = t.submit(entity);
            t.wait_scheduled(&job, HZ, true);
            t.wait_finished(&job, wait, false);
            t.expect_timeouts(true);
            t.advance(&job);
            t.wait_finished(&job, HZ, true);
            t.expect_status(&job, 1);
            t.tear_down(&[entity], &[sched]);
        });
        mock.always(|log| {
            log.each_succeeds();
            let (calls, returns) = (log.count(0, Mark::TimedOut), log.count(0, Mark::Handled));
            log.expect(calls >= 1 && calls == returns, "the handler is called, and returns");
            log.expect(log.before((0, Mark::TimedOut), (0, Mark::Finished)), "the job goes on after it");
        });
    }
}

/// One job at a time, of which one hangs: the handler is called for that one, and the others are not touched.
#[test]
fn only_the_job_that_hangs_times_out() {
    for version in BOTH_VERSIONS {
        let mut mock = Mock::new(version);
        let (short, endless) = (mock.work(JOB), mock.work(i64::MAX));
        let hardware = Hardware::Of(vec![short, endless]);
        let config = Config { credit_limit: 1, ..Config::with_timeout(hardware, OnTimeout::Reset) };
        let sched = mock.scheduler(&config);
        let entities = mock.entities(sched, 2);
        let hangs = 1;
        mock.thread("kunit", |t| {
            let mut jobs = Vec::new();
            for number in 0..5 {
                let work = Some(if number == hangs { endless } else { short });
                jobs.push(t.submit_special(entities[number % 2], Special { work, ..PLAIN }));
            }
            for job in &jobs {
                t.wait_finished(job, HZ, true);
            }
            t.tear_down(&entities, &[sched]);
        });
        mock.always(|log| {
            ends_by_timeout(log, hangs);
            for job in log.numbers().filter(|&job| job != hangs) {
                log.expect(log.count(job, Mark::TimedOut) == 0, "no other job times out");
                log.expect(log.error(job) == 0, "the others succeed");
                log.expect(log.count(job, Mark::Free) == 1, "and are freed");
            }
        });
    }
}
