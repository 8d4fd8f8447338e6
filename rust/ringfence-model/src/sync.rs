//! What user space knows fences by: `sync_file`, `drm_syncobj`, `sw_sync`; and from an operation to the file of its
//! concept.

use ringfence_base::scenario::{Kind, Op};

use crate::compile::Compiler;
use crate::drm_syncobj::{AddPointFrame, QueryFrame, ReplaceFrame, SubmittedFrame, Syncobj};
use crate::drm_syncobj_wait::SyncobjWaitFrame;
use crate::frame::Flow;
use crate::kernel::{Call, Kernel};
use crate::plan::{LockSort, class};
use crate::sw_sync::{CreateFrame, IncFrame, SwSync};
use crate::sync_file::{FileFrame, SyncFile};
use crate::tracked::tracked;
use crate::tracked_list::SharedList;

/// Does something, and goes on in the given state: at once if that is done, otherwise when the frame is entered
/// again. The result is then `ret()`.
macro_rules! go {
    ($kernel:ident, $frame:expr, $what:expr) => {{
        $kernel.replace($crate::frame::Frame::Sync($frame));
        match $what {
            $crate::frame::Flow::Return(value) => $kernel.me().ret = value,
            flow => return flow,
        }
    }};
}
pub(crate) use go;

tracked! {
    /// All of them in a world.
    pub(crate) struct SyncObjects {
        /// The index of one that is closed is never used again, so that whoever still uses it is found.
        pub(crate) files: SharedList<SyncFile>,
        pub(crate) syncobjs: SharedList<Syncobj>,
        pub(crate) timelines: SharedList<SwSync>,
    }
}

/// A kernel function on them that is under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum SyncFrame {
    /// A system call on a `sync_file`.
    File(FileFrame),
    /// `drm_syncobj_replace_fence()`.
    Replace(ReplaceFrame),
    /// `drm_syncobj_add_point()`.
    AddPoint(AddPointFrame),
    /// `syncobj_wait_syncobj_func()` for everybody who waits.
    Submitted(SubmittedFrame),
    /// `drm_syncobj_query_ioctl()`.
    Query(QueryFrame),
    /// `drm_syncobj_find_fence()`, `drm_syncobj_array_wait_timeout()`.
    Wait(SyncobjWaitFrame),
    /// `sync_pt_create()`.
    SwCreate(CreateFrame),
    /// `sync_timeline_signal()`.
    SwInc(IncFrame),
}

impl Compiler {
    pub(crate) fn set_up_sync(&mut self) {
        let syncobjs = self.names_of(Kind::Syncobj);
        if !syncobjs.is_empty() {
            let class = self.class_named("&syncobj->lock", LockSort::Spinlock);
            for name in syncobjs {
                let lock = self.lock_of_class(&name, class);
                self.plan.initial.sync.syncobjs.push(Syncobj::new(lock));
            }
        }
        for name in self.names_of(Kind::SwSync) {
            let lock = self.lock_of_class(&name, class::SW_SYNC);
            let context = self.plan.initial.fences.new_context();
            self.plan.initial.sync.timelines.push(SwSync::new(lock, context));
        }
    }
}

impl Kernel<'_> {
    pub(crate) fn run_sync(&mut self, frame: SyncFrame) -> Flow {
        match frame {
            SyncFrame::File(frame) => self.run_sync_file(frame),
            SyncFrame::Replace(frame) => self.run_syncobj_replace(frame),
            SyncFrame::AddPoint(frame) => self.run_syncobj_add_point(frame),
            SyncFrame::Submitted(frame) => self.run_syncobj_submitted(frame),
            SyncFrame::Query(frame) => self.run_syncobj_query(frame),
            SyncFrame::Wait(frame) => self.run_syncobj_wait(frame),
            SyncFrame::SwCreate(frame) => self.run_sw_sync_create(frame),
            SyncFrame::SwInc(frame) => self.run_sw_sync_inc(frame),
        }
    }

    pub(crate) fn sync_op(&mut self, call: Call<'_>) -> Flow {
        match call.op {
            Op::SyncFileCreate
            | Op::FdInstall
            | Op::SyncFileGetFence
            | Op::SyncFileMerge
            | Op::SyncFilePoll
            | Op::SyncFilePut => self.sync_file_op(call),
            Op::SwSyncCreateFence | Op::SwSyncInc => self.sw_sync_op(call),
            _ => self.syncobj_op(call),
        }
    }
}
