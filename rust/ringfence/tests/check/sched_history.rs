//! What happens to fences and jobs, kept by somebody who sees events only, and compared with the world.

use std::collections::{BTreeMap, BTreeSet};

use ringfence::model::{FenceState, World};
use ringfence_base::{Event, EventKind, JobEvent};

/// Whether something holds; what is wrong otherwise.
type Holds = Result<(), String>;

macro_rules! holds {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

/// How far a fence is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Fence {
    signaled: bool,
    freed: bool,
    /// As it was when it was signaled.
    error: i32,
}

/// How far a job is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Job {
    scheduled: u32,
    finished: u32,
    pushed: bool,
    ran: bool,
    timing_out: bool,
    cancelled: bool,
    freed: bool,
}

/// Everything that has happened.
#[derive(Default)]
pub(crate) struct History {
    fences: Vec<Fence>,
    jobs: BTreeMap<u32, Job>,
    /// Scheduled fence by finished fence.
    scheduled: BTreeMap<u32, u32>,
    /// The two fences that came into being last.
    latest: (u32, u32),
    /// Somebody besides the timeout handlers stops and starts schedulers.
    meddled: bool,
    pub(crate) broken: BTreeSet<&'static str>,
    pub(crate) pushed: u64,
    pub(crate) freed: u64,
    pub(crate) timed_out: u64,
    pub(crate) cancelled: u64,
}

impl History {
    /// Before the first step.
    pub(crate) fn new(meddled: bool) -> Self {
        Self { meddled, ..Self::default() }
    }

    /// Takes what a step did.
    pub(crate) fn take(&mut self, world: &World, events: &[Event]) -> Holds {
        if self.fences.is_empty() {
            // Those that were there from the start.
            self.fences.resize(world.fences().count(), Fence::default());
            for fence in world.fences().filter(|fence| fence.sort == "stub") {
                self.fences[fence.index as usize].signaled = fence.signaled;
            }
        }
        for event in events {
            match event.kind {
                EventKind::FenceInit(fence) => self.latest = (self.latest.1, fence),
                EventKind::FenceSignal(fence) => self.signal(fence)?,
                EventKind::FenceFree(fence) => {
                    let entry = self.fence(fence);
                    holds!(!std::mem::replace(&mut entry.freed, true), "fence {fence} is freed twice");
                }
                EventKind::FenceCallback(fence, callback) => {
                    let ready = self.fence(fence).signaled;
                    holds!(ready, "callback {callback} of fence {fence} runs, which is not signaled");
                }
                EventKind::Job(what, job) => {
                    self.job(what, job).map_err(|what| format!("job {job}: {what}"))?
                }
                EventKind::Broken(rule, ..) => {
                    self.broken.insert(rule);
                }
                _ => {}
            }
        }
        self.compare(world)
    }

    fn fence(&mut self, fence: u32) -> &mut Fence {
        if self.fences.len() <= fence as usize {
            self.fences.resize(fence as usize + 1, Fence::default());
        }
        &mut self.fences[fence as usize]
    }

    /// Nobody resets a scheduler while somebody else does, and no memory has been used after it was freed.
    fn orderly(&self) -> bool {
        !self.meddled && !DISORDERLY.iter().any(|rule| self.broken.contains(rule))
    }

    fn signal(&mut self, fence: u32) -> Holds {
        let entry = self.fence(fence);
        holds!(!entry.freed, "fence {fence} is signaled after it was freed");
        holds!(!std::mem::replace(&mut entry.signaled, true), "fence {fence} is signaled twice");
        entry.error = 1;
        if let Some(&scheduled) = self.scheduled.get(&fence).filter(|_| self.orderly()) {
            let first = self.fence(scheduled).signaled;
            holds!(first, "fence {fence} says finished before fence {scheduled} says scheduled");
        }
        Ok(())
    }

    /// A job is armed, pushed, run, perhaps timed out, cancelled, and given back, in this order.
    fn job(&mut self, what: JobEvent, number: u32) -> Holds {
        if what == JobEvent::Arm {
            let (scheduled, finished) = self.latest;
            self.scheduled.insert(finished, scheduled);
            self.jobs.insert(number, Job { scheduled, finished, ..Job::default() });
            return Ok(());
        }
        let Some(mut job) = self.jobs.get(&number).copied() else {
            return Err(format!("{what:?} before it was armed"));
        };
        let orderly = self.orderly();
        // Once a handler has started its scheduler again, its job may go before it returns.
        holds!(!orderly || !job.freed || what == JobEvent::Handled, "{what:?} after it was given back");
        holds!(what == JobEvent::Push || job.pushed, "{what:?} before it was pushed");
        let (scheduled, finished) = (self.fence(job.scheduled).signaled, self.fence(job.finished).signaled);
        match what {
            JobEvent::Arm => {}
            JobEvent::Push => {
                holds!(!std::mem::replace(&mut job.pushed, true), "it is pushed twice");
                self.pushed += 1;
            }
            JobEvent::Run => {
                let again = std::mem::replace(&mut job.ran, true);
                holds!(!orderly || again || !scheduled, "its scheduled fence is signaled before it runs");
            }
            JobEvent::TimedOut => {
                holds!(!orderly || job.ran, "it times out before it runs");
                holds!(
                    !std::mem::replace(&mut job.timing_out, true) || !orderly,
                    "it times out while it does"
                );
                self.timed_out += 1;
            }
            JobEvent::Handled => {
                holds!(
                    std::mem::replace(&mut job.timing_out, false),
                    "the end of a timeout that never began"
                );
            }
            JobEvent::Cancel => {
                holds!(!std::mem::replace(&mut job.cancelled, true), "it is cancelled twice");
                self.cancelled += 1;
            }
            JobEvent::Free => {
                holds!(
                    !orderly || finished || job.cancelled,
                    "it is given back, and its fence is not signaled"
                );
                job.freed = true;
                self.freed += 1;
            }
        }
        self.jobs.insert(number, job);
        Ok(())
    }

    /// The world says of its fences what their events said.
    fn compare(&mut self, world: &World) -> Holds {
        let late_errors = self.broken.contains("RF512");
        for state in world.fences() {
            let FenceState { index, signaled, freed, error, refs, .. } = state;
            let known = self.fence(index);
            holds!(
                signaled == known.signaled,
                "fence {index} is signaled: {signaled}, by its events {}",
                known.signaled
            );
            holds!(freed == known.freed, "fence {index} is freed: {freed}, by its events {}", known.freed);
            holds!(!freed || refs == 0, "fence {index} is freed with {refs} references");
            if signaled && known.error == 1 {
                known.error = error;
            }
            let same = !signaled || known.error == error || late_errors;
            holds!(
                same,
                "the error of fence {index} was {} when it was signaled, and is {error}",
                known.error
            );
        }
        self.references(world).map(|_| ())
    }

    /// No fence has fewer references than others have to it. Returns whether none has more.
    fn references(&self, world: &World) -> Result<Option<u32>, String> {
        if DISORDERLY.iter().any(|rule| self.broken.contains(rule)) {
            return Ok(None);
        }
        let counts = world.recount_references();
        let mut more = None;
        for state in world.fences().filter(|state| !state.freed) {
            let (index, refs, count) = (state.index, state.refs, counts[state.index as usize]);
            holds!(
                refs >= count,
                "fence {index} ({}) has {refs} references, and others have {count} to it",
                state.sort
            );
            if refs > count && matches!(state.sort, "scheduled" | "finished") {
                more = more.or(Some(index));
            }
        }
        Ok(more)
    }

    /// Everything is over: programs have given back what they had of jobs' fences, and nobody else has any.
    /// Returns whether that could be told.
    pub(crate) fn end(&self, world: &World) -> Result<bool, String> {
        if self.broken.iter().any(|rule| !HARMLESS.contains(rule)) {
            return Ok(false);
        }
        match self.references(world)? {
            Some(fence) => Err(format!("fence {fence} has references that nobody has")),
            None => Ok(true),
        }
    }
}

/// Whoever breaks these may break anything else.
const DISORDERLY: [&str; 5] = ["RF502", "RF507", "RF509", "RF513", "RF517"];
/// Rules that can be broken without a reference going astray.
const HARMLESS: [&str; 6] = ["RF402", "RF504", "RF505", "RF506", "RF610", "RF501"];
