//! Looking at a world.

use crate::dma_fence::{FenceSort, flag};
use crate::thread::NONE;
use crate::world::World;

/// What a fence is at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FenceState {
    /// Index among the world's fences.
    pub index: u32,
    /// Its context.
    pub context: u64,
    /// Its number.
    pub seqno: u64,
    /// Driver's fence, array, chain or stub.
    pub sort: &'static str,
    /// It is signaled.
    pub signaled: bool,
    /// 0, or a negative errno.
    pub error: i32,
    /// Others know it.
    pub published: bool,
    /// Its memory is gone.
    pub freed: bool,
    /// References.
    pub refs: u32,
    /// Callbacks are on its list.
    pub has_callbacks: bool,
}

impl World {
    /// All fences that have come into being, stubs included.
    pub fn fences(&self) -> impl Iterator<Item = FenceState> + '_ {
        self.fences.list.iter().enumerate().map(|(index, fence)| FenceState {
            index: index as u32,
            context: fence.context,
            seqno: fence.seqno,
            sort: match fence.sort {
                FenceSort::Driver(_) => "driver",
                FenceSort::Array(_) => "array",
                FenceSort::Chain(_) => "chain",
                FenceSort::SwSync(_) => "sw_sync",
                FenceSort::Stub => "stub",
            },
            signaled: fence.flags & flag::SIGNALED != 0,
            error: fence.error.min(0),
            published: fence.flags & flag::PUBLISHED != 0,
            freed: fence.flags & flag::FREED != 0,
            refs: fence.refs,
            has_callbacks: fence.first != NONE,
        })
    }

    /// Values of the shared variables, in the order of their declaration.
    pub fn cells(&self) -> &[i64] {
        &self.cells
    }
}
