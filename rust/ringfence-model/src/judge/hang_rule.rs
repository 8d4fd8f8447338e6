//! Which rule a hang breaks, and whose fault it is.

use ringfence_base::Gfp;
use ringfence_base::scenario::Kind;

use crate::judge::wait_for::{HangKind, HangLink, Waker};
use crate::plan::{Plan, class};
use crate::wait::Wait;
use crate::world::World;

/// Clauses of the contract that whoever must signal a fence can break by waiting. If a circle breaks several, the
/// first of these names it: the others are what is left when that one is mended.
const BY_WEIGHT: [&str; 8] = ["RF401", "RF402", "RF301", "RF302", "RF615", "RF303", "RF304", "RF305"];

/// The rule that a hang breaks, as special as the chain allows, and the link that breaks it.
pub(super) fn hang_rule(
    plan: &Plan,
    world: &World,
    kind: HangKind,
    links: &[HangLink],
) -> (&'static str, usize) {
    if kind == HangKind::LostWakeUp {
        return (dead_end_rule(world, links), 0);
    }
    let broken = links.iter().enumerate().filter_map(|(position, link)| {
        // Whoever must signal is the next one, and hangs in this.
        let signaller = (position + 1) % links.len();
        let thread = world.threads.get(links[signaller].task as usize);
        let in_section = thread.is_some_and(|thread| !thread.sections.is_empty());
        let is_ring = world.threads.len() <= link.task as usize;
        let must_signal = match link.waker {
            Some(Waker::Signals(_) | Waker::MaySignal(_)) => true,
            // Whoever a GPU needs to go on is needed for the fences of its work.
            Some(_) if is_ring => thread.is_some(),
            // A circle of locks alone is one of locks, wherever they are taken.
            Some(Waker::Holds | Waker::Queues) | None => false,
            Some(_) => in_section,
        };
        if !must_signal {
            return None;
        }
        signaller_rule(plan, world, &links[signaller]).map(|rule| (rule, signaller))
    });
    // Memory that is waited for in a section: whoever else is in the circle, that must not be.
    let reclaims = links.iter().enumerate().filter_map(|(position, link)| {
        let thread = world.threads.get(link.task as usize);
        let in_section = thread.is_some_and(|thread| !thread.sections.is_empty());
        let waits_for_fence = matches!(link.wait, Wait::Fence(_) | Wait::AnyFence(_));
        let breaks = in_section && waits_for_fence && link.reclaiming.is_some();
        signaller_rule(plan, world, link).filter(|_| breaks).map(|rule| (rule, position))
    });
    let weight = |&(rule, _): &(&'static str, usize)| BY_WEIGHT.iter().position(|&known| known == rule);
    broken.chain(reclaims).min_by_key(weight).unwrap_or_else(|| {
        let reclaims = links.iter().position(|link| link.reclaiming.is_some());
        // A context rather than a ring, if there is one.
        let first = links.iter().position(|link| (link.task as usize) < world.threads.len());
        reclaims.map_or(("RF701", first.unwrap_or(0)), |link| ("RF405", link))
    })
}

/// A wait that nobody is left to end: for a fence that was promised, or for a wake-up.
fn dead_end_rule(world: &World, links: &[HangLink]) -> &'static str {
    match links.first().map(|link| link.wait) {
        // A lock that somebody has kept is the cause, not a wake-up.
        Some(Wait::Lock { .. }) => "RF613",
        Some(Wait::Fence(fence)) if world.is_published(fence) => "RF106",
        _ => "RF703",
    }
}

/// The clause that somebody who must signal breaks by waiting for this.
fn signaller_rule(plan: &Plan, world: &World, signaller: &HangLink) -> Option<&'static str> {
    if let Some(gfp) = signaller.reclaiming {
        return Some(if gfp.contains(Gfp::FS) { "RF401" } else { "RF402" });
    }
    match signaller.wait {
        Wait::Lock { lock, .. } => Some(match world.locks.class(lock) {
            class::RESV_MUTEX => "RF301",
            class::MMAP_LOCK => "RF302",
            class if plan.is_ww_mutex(class) => "RF302",
            _ => "RF303",
        }),
        Wait::Fence(_) | Wait::AnyFence(_) => Some("RF305"),
        // A new worker takes memory, and this one's queue has no rescuer.
        Wait::WorkerCreation(_) => Some("RF615"),
        Wait::Rcu | Wait::RcuBarrier => Some("RF304"),
        other => other.object().filter(|object| object.kind != Kind::Irq).map(|_| "RF304"),
    }
}
