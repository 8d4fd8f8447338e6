//! Which rule a published fence breaks that nobody signals: why nobody does (RF101, RF103, RF107, RF305), as far as
//! that can be told; otherwise RF106.

use std::collections::BTreeSet;

use crate::dma_fence::FenceSort;
use crate::judge::recovery::{Recovery, Stage};
use crate::plan::Plan;
use crate::world::World;

/// Why a published fence is not signaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// Its work is stuck, or its interrupt was lost, and nobody watches.
    NoTimeout,
    /// A recovery has left it behind.
    LeftBehind,
    /// Recovery is tried again and again.
    NoProgress,
    /// It needs itself.
    Circle,
    /// Whoever owes it has not done it.
    Forgotten,
}

impl Why {
    /// The rule that this breaks.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::NoTimeout => "RF101",
            Self::LeftBehind => "RF103",
            Self::NoProgress => "RF107",
            Self::Circle => "RF305",
            Self::Forgotten => "RF106",
        }
    }

    /// It, when nothing can happen any more.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::NoTimeout => {
                "a published fence is never signaled: its work hangs or its interrupt was lost, and no timeout \
                 stands behind it"
            }
            Self::LeftBehind => "a published fence is never signaled: a recovery has left it behind",
            Self::NoProgress => {
                "a published fence is never signaled: recovery was tried again and again without progress"
            }
            Self::Circle => "a published fence is never signaled: it needs itself through other fences",
            Self::Forgotten => "a published fence is never signaled: nobody is left who would",
        }
    }
}

/// Why this fence is not signaled in a world in which nothing can happen any more.
pub(super) fn why(plan: &Plan, world: &World, recovery: &Recovery, fence: u32) -> Why {
    if !world.fence_circle(fence).is_empty() {
        return Why::Circle;
    }
    let (mut seen, mut todo) = (BTreeSet::new(), vec![fence]);
    while let Some(fence) = todo.pop() {
        if !seen.insert(fence) {
            continue;
        }
        if let Some(why) = why_of_work(plan, world, recovery, fence) {
            return why;
        }
        todo.extend(world.fence_parts(fence));
    }
    Why::Forgotten
}

/// Recovery from the hang of this fence's job was tried again and again, and nothing came of it.
pub(super) fn makes_no_progress(world: &World, recovery: &Recovery, fence: u32) -> bool {
    let log = match world.fences.get(fence).sort {
        FenceSort::Finished(job) => recovery.job(job),
        _ => None,
    };
    log.is_some_and(|log| log.handled >= TOO_OFTEN)
}

/// Once may be patience; a second time it should have come to an end.
const TOO_OFTEN: u32 = 2;

fn why_of_work(plan: &Plan, world: &World, recovery: &Recovery, fence: u32) -> Option<Why> {
    let log = match world.fences.get(fence).sort {
        FenceSort::Scheduled(job) | FenceSort::Finished(job) => recovery.job(job),
        _ => None,
    };
    let handled = log.map_or(0, |log| log.handled);
    let work = recovery.work(log.map_or(fence, |log| log.fence));
    let Some(work) = work else {
        return match handled {
            0 => None,
            1 => Some(Why::LeftBehind),
            _ => Some(Why::NoProgress),
        };
    };
    let done = work.stage == Stage::Completed;
    let wedged = !done && world.gpu.wedged[plan.gpu.engines[work.engine as usize].gpu as usize];
    if work.stage == Stage::Lost || wedged {
        return Some(Why::LeftBehind);
    }
    if handled >= TOO_OFTEN {
        return Some(Why::NoProgress);
    }
    let unheard = !done || work.irq_lost;
    if handled != 0 || (unheard && recovery.was_tried(work)) {
        return Some(Why::LeftBehind);
    }
    unheard.then_some(Why::NoTimeout)
}

impl World {
    /// Fences that need each other in a circle which this one is in or leads to: each needs the next, the last one
    /// the first, which is the oldest.
    pub fn fence_circle(&self, fence: u32) -> Vec<u32> {
        let mut path: Vec<(u32, Vec<u32>)> = vec![(fence, self.fence_parts(fence))];
        let mut seen = BTreeSet::from([fence]);
        while let Some((_, parts)) = path.last_mut() {
            let Some(next) = parts.pop() else {
                path.pop();
                continue;
            };
            if let Some(start) = path.iter().position(|&(known, _)| known == next) {
                let mut circle: Vec<u32> = path[start..].iter().map(|&(known, _)| known).collect();
                let oldest = (0..circle.len()).min_by_key(|&position| circle[position]);
                circle.rotate_left(oldest.unwrap_or(0));
                return circle;
            }
            if seen.insert(next) {
                path.push((next, self.fence_parts(next)));
            }
        }
        Vec::new()
    }
}
