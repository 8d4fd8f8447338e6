//! Fences: references, lists of callbacks, lists of published fences, containers.

use super::{Holds, holds};
use crate::dma_fence::{Fence, FenceSort, flag};
use crate::dma_fence_cb::Callback;
use crate::dma_fence_ops::FenceFrame;
use crate::frame::Frame;
use crate::thread::NONE;
use crate::world::World;

impl World {
    pub(super) fn check_fences(&self) -> Holds {
        for (index, fence) in self.fences.list.iter().enumerate() {
            let index = index as u32;
            self.check_fence(index, *fence).map_err(|what| format!("fence {index}: {what}"))?;
        }
        self.check_nodes()?;
        self.check_published()?;
        for timeline in 0..self.fences.timelines.len() as u32 {
            self.check_timeline(timeline).map_err(|what| format!("timeline {timeline}: {what}"))?;
        }
        for &fence in self.fences.irq_work.iter().chain(&*self.fences.irq_work_serving) {
            let sort = self.fences.get(fence).sort;
            let container = matches!(sort, FenceSort::Array(_) | FenceSort::Chain(_));
            holds!(container, "fence {fence} is queued for irq_work, but is {sort:?}");
        }
        Ok(())
    }

    fn check_fence(&self, index: u32, fence: Fence) -> Holds {
        let has = |flag: u16| fence.flags & flag != 0;
        holds!(
            has(flag::RELEASED) == (fence.refs == 0),
            "{} references, flags {:#x}",
            fence.refs,
            fence.flags
        );
        holds!(!has(flag::FREED) || has(flag::RELEASED), "it is freed, but not released");
        let running =
            |frame: &Frame| matches!(frame, Frame::Fence(FenceFrame::Callbacks(of)) if *of == index);
        let runs = self.threads.iter().any(|thread| thread.frames.iter().any(running));
        holds!(!has(flag::SIGNALED) || runs || fence.first == NONE, "it is signaled, and callbacks are left");
        holds!(!has(flag::FREED) || runs || fence.first == NONE, "it is freed, and callbacks are left");
        let (mut node, mut before) = (fence.first, NONE);
        while node != NONE {
            let entry = self.fences.nodes[node as usize];
            holds!(entry.fence == index, "callback {node} on its list is of fence {}", entry.fence);
            holds!(entry.prev == before, "callback {node} comes after {before}, not {}", entry.prev);
            (before, node) = (node, entry.next);
        }
        holds!(fence.last == before, "its last callback is {before}, not {}", fence.last);
        Ok(())
    }

    fn check_nodes(&self) -> Holds {
        let unused =
            self.fences.nodes.iter().filter(|node| matches!(node.callback, Callback::Unused(_))).count();
        let (mut node, mut found) = (*self.fences.unused_node, 0);
        while node != NONE {
            let entry = self.fences.nodes[node as usize];
            let Callback::Unused(next) = entry.callback else {
                return Err(format!("callback {node} is in use and on the list of unused ones"));
            };
            holds!(entry.fence == NONE, "callback {node} is not in use and on the list of a fence");
            found += 1;
            holds!(found <= unused, "the list of unused callbacks is a circle");
            node = next;
        }
        holds!(found == unused, "{unused} callbacks are not in use, {found} on the list of those");
        for (number, node) in self.fences.nodes.iter().enumerate() {
            let number = number as u32;
            let reached = match (node.fence, node.prev) {
                (NONE, _) => true,
                (fence, NONE) => self.fences.get(fence).first == number,
                (_, prev) => self.fences.nodes[prev as usize].next == number,
            };
            holds!(reached, "callback {number} says it is on the list of fence {}, and is not", node.fence);
        }
        Ok(())
    }

    fn check_published(&self) -> Holds {
        let fences = &self.fences;
        for (position, &fence) in fences.published.iter().enumerate() {
            let entry = fences.get(fence);
            holds!(entry.published as usize == position, "fence {fence} is published at {}", entry.published);
            let flags = entry.flags & (flag::PUBLISHED | flag::SIGNALED | flag::FREED);
            holds!(flags == flag::PUBLISHED, "fence {fence} counts as published with flags {flags:#x}");
        }
        let pending = |fence: &&Fence| fence.published != NONE;
        let (listed, all) = (fences.published.len(), fences.list.iter().filter(pending).count());
        holds!(listed == all, "{all} fences say that they are published and pending, {listed} are listed");
        Ok(())
    }

    /// The published fences of a timeline, in order.
    fn check_timeline(&self, timeline: u32) -> Holds {
        let fences = &self.fences;
        let entry = fences.timelines[timeline as usize];
        let (mut fence, mut before, mut count) = (entry.earliest, NONE, 0);
        while fence != NONE {
            let Fence { earlier, later, published, timeline: own, .. } = *fences.get(fence);
            holds!(earlier == before, "fence {fence} comes after {before}, not {earlier}");
            holds!(published != NONE && own == timeline, "fence {fence} is none of its published ones");
            count += 1;
            holds!(count <= fences.published.len(), "its published fences are in a circle");
            (before, fence) = (fence, later);
        }
        holds!(entry.latest == before, "its latest fence is {before}, not {}", entry.latest);
        let of = |fence: &&u32| fences.get(**fence).timeline == timeline;
        let all = fences.published.iter().filter(of).count();
        holds!(count == all, "{all} of its fences are published and pending, {count} are listed");
        Ok(())
    }
}
