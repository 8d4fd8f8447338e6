//! A scheduler as plain as can be.

use ringfence_base::ProgramId;
use ringfence_base::scenario::{ObjectKind, SchedPolicy};

/// A scheduler with these two handlers alone, one credit and no timeout.
pub(crate) fn fifo_sched(run_job: ProgramId, free_job: ProgramId) -> ObjectKind {
    ObjectKind::DrmSched {
        run_job,
        prepare_job: None,
        timedout_job: None,
        free_job,
        cancel_job: None,
        update_job_credits: None,
        credit_limit: 1,
        hang_limit: 0,
        timeout: i64::MAX,
        policy: SchedPolicy::Fifo,
        num_rqs: 4,
        submit_wq: None,
        timeout_wq: None,
        without: Vec::new(),
    }
}
