//! The GPU's page tables, as far as they refer to user memory.
//!
//! The GPU does not see that a page was freed: it goes on using what its page tables say. Pages that the
//! driver looked up are what it maps, whether they are still there or not.

use ringfence_base::scenario::Op;
use ringfence_base::{EventKind, SiteId};

use crate::fault::range_object;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::user_memory::Pages;
use crate::value::Value;

impl Kernel<'_> {
    pub(crate) fn gpu_mapping_op(&mut self, call: Call<'_>) -> Flow {
        if let Some(range) = self.object(call, 0) {
            let state = &mut self.w.memory.ranges[range as usize];
            match call.op {
                Op::GpuMap => {
                    state.gpu = match (state.pfns, state.present) {
                        (Pages::Nothing, true) => Pages::Allocated,
                        (pfns, _) => pfns,
                    };
                }
                Op::GpuUnmap => state.gpu = Pages::Nothing,
                Op::GpuAccess => {
                    let at = self.me().site;
                    self.gpu_access(range, at);
                }
                other => panic!("engine bug: {other:?} is no operation on GPU mappings"),
            }
        }
        Flow::Return(Value::Null)
    }

    /// The GPU uses what its page tables say, because of an operation at this place. Without a mapping it faults,
    /// and nothing is harmed.
    pub(crate) fn gpu_access(&mut self, range: u32, at: SiteId) {
        if self.w.memory.ranges[range as usize].gpu == Pages::Freed {
            let what = "the GPU uses pages that were freed";
            self.emit_at(at, EventKind::Broken("RF511", what, Some(range_object(range))));
        }
    }
}
