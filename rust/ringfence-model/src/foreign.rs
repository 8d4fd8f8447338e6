//! What foreign drivers do that no driver does: wait for a fence of somebody, whoever that is.

use ringfence_base::ChoiceKind;

use crate::frame::Flow;
use crate::kernel::Kernel;
use crate::value::Value;

impl Kernel<'_> {
    /// Some published fence that is not signaled, with a reference; the oldest one, unless a choice says
    /// otherwise. NULL if there is none.
    pub(crate) fn foreign_fence(&mut self) -> Flow {
        let count = self.published_fences().len();
        if count == 0 {
            return Flow::Return(Value::Null);
        }
        let chosen = self.choose(ChoiceKind::ForeignFence, count);
        // The list is in no particular order; fences are made in the order of their indices.
        let published = self.published_fences();
        let older = |fence: u32| published.iter().filter(|&&other| other < fence).count();
        let fence = published.iter().copied().find(|&fence| older(fence) == chosen);
        let fence = fence.expect("engine bug: a fence is on the list of published fences twice");
        self.fence_get(fence);
        Flow::Return(Value::fence(fence))
    }
}
