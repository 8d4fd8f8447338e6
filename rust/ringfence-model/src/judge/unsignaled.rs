//! Which rule a published fence breaks that nobody signals: why nobody does (RF101, RF103, RF107, RF305), as far as
//! that can be told; otherwise RF106.

use std::collections::BTreeSet;

use ringfence_base::{Origin, SiteId};

use crate::dma_fence::FenceSort;
use crate::judge::monitor::{Certainty, Monitor};
use crate::judge::recovery::{Recovery, Stage};
use crate::judge::wait_for::{Hang, HangKind, HangLink};
use crate::plan::Plan;
use crate::wait::Wait;
use crate::world::World;

/// Why a published fence is not signaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
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
    const fn rule(self) -> &'static str {
        match self {
            Self::NoTimeout => "RF101",
            Self::LeftBehind => "RF103",
            Self::NoProgress => "RF107",
            Self::Circle => "RF305",
            Self::Forgotten => "RF106",
        }
    }

    /// It, when nothing can happen any more.
    const fn text(self) -> &'static str {
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

/// Why this fence, which is in no circle, is not signaled in a world in which nothing can happen any more.
fn why_unsignaled(plan: &Plan, world: &World, recovery: &Recovery, fence: u32) -> Why {
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

impl Monitor {
    /// The run is over; `hangs`: somebody waits for ever. Published fences that nobody will signal any more.
    pub fn end(&mut self, plan: &Plan, world: &World, step: u64, hangs: bool) {
        if hangs {
            return;
        }
        let (mut circles, mut in_none): (Vec<Vec<u32>>, _) = (Vec::new(), BTreeSet::new());
        for fence in 0..self.publications.unmarked().len() as u32 {
            let Some(known) = self.publications.unmarked()[fence as usize]
                .filter(|_| !world.fence_needs_nobody(plan, fence))
            else {
                continue;
            };
            let circle = world.fence_circle_beyond(fence, &mut in_none);
            // Those that lead into a circle that is known are its consequences.
            if circles.contains(&circle) {
                continue;
            }
            let why = match circle.is_empty() {
                true => why_unsignaled(plan, world, &self.recovery, fence),
                false => Why::Circle,
            };
            circles.extend(Some(circle).filter(|circle| !circle.is_empty()));
            let site = fault_of(plan, world, why, fence).unwrap_or(known.by.0.site);
            let origin = Origin { op: step, site, ..known.by.0 };
            self.breach_that_is(Certainty::Shown, why.rule(), why.text(), fence, origin);
        }
    }

    /// The rule of a hang that waits for a published fence which nobody is left to signal, once it is known why nobody
    /// does; and where that is to be mended.
    pub fn refine(&self, plan: &Plan, world: &World, hang: &mut Hang) {
        let HangLink { wait: Wait::Fence(fence), .. } = hang.links[hang.guilty] else { return };
        if hang.kind != HangKind::LostWakeUp {
            return;
        }
        hang.circle = world.fence_circle(fence);
        let why = match hang.circle.is_empty() {
            false => Why::Circle,
            true if world.is_published(fence) => why_unsignaled(plan, world, &self.recovery, fence),
            true => return,
        };
        hang.rule = why.rule();
        let site = fault_of(plan, world, why, fence);
        hang.fault =
            self.published_at(fence).map(|known| Origin { site: site.unwrap_or(known.site), ..known });
    }
}

/// Where what is wrong with a fence is to be mended, if it is not where that is published.
fn fault_of(plan: &Plan, world: &World, why: Why, fence: u32) -> Option<SiteId> {
    if why == Why::NoTimeout { world.scheduler_without_timeout(plan, fence) } else { None }
}

impl World {
    /// Fences that need each other in a circle which this one is in or leads to: each needs the next, the last one
    /// the first, which is the oldest.
    pub fn fence_circle(&self, fence: u32) -> Vec<u32> {
        self.fence_circle_beyond(fence, &mut BTreeSet::new())
    }

    /// The same, if it is known of these fences that they lead into no circle; those that are found to do so neither
    /// are added.
    fn fence_circle_beyond(&self, fence: u32, seen: &mut BTreeSet<u32>) -> Vec<u32> {
        if !seen.insert(fence) {
            return Vec::new();
        }
        let mut path: Vec<(u32, Vec<u32>)> = vec![(fence, self.fence_parts(fence))];
        while let Some((_, parts)) = path.last_mut() {
            let Some(next) = parts.pop() else {
                path.pop();
                continue;
            };
            if let Some(start) = path.iter().position(|&(known, _)| known == next) {
                let mut circle: Vec<u32> = path[start..].iter().map(|&(known, _)| known).collect();
                let oldest = (0..circle.len()).min_by_key(|&position| circle[position]);
                circle.rotate_left(oldest.unwrap_or(0));
                // What is on the way does lead into one.
                seen.clear();
                return circle;
            }
            if seen.insert(next) {
                path.push((next, self.fence_parts(next)));
            }
        }
        Vec::new()
    }
}
