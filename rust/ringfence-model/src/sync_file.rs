//! `drivers/dma-buf/sync_file.c`: a file that stands for a fence.
//!
//! A file has one reference, which `sync_file_put()` gives up as `close()` does.

use ringfence_base::scenario::{Kind, Op};
use ringfence_base::{Gfp, ObjectRef, Published};

use crate::dma_fence_cb::Callback;
use crate::dma_fence_signal::Doing;
use crate::frame::{Flow, Frame};
use crate::kernel::{Call, Kernel};
use crate::sync::{SyncFrame, go};
use crate::thread::NONE;
use crate::value::Value;

/// `struct sync_file`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SyncFile {
    fence: u32,
    /// Its callback, from the first `poll()` on; [`NONE`] before.
    node: u32,
    closed: bool,
}

/// A system call on a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct FileFrame {
    doing: FileDoing,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum FileDoing {
    /// A new file for this fence.
    Create(u32),
    /// A new file for the fences of two.
    Merge(u32, u32),
    Poll(u32),
    Put(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum At {
    Start,
    Second,
    Last,
}

const NOTHING: Flow = Flow::Return(Value::Null);

impl SyncFile {
    /// The fence that it has a reference to.
    pub(crate) fn fence(&self) -> Option<u32> {
        (!self.closed).then_some(self.fence)
    }
}

impl Kernel<'_> {
    pub(crate) fn sync_file_op(&mut self, call: Call<'_>) -> Flow {
        if call.op == Op::SyncFileCreate {
            return match self.fence_arg(call, 0) {
                Some(fence) => self.start_sync_file(FileDoing::Create(fence)),
                None => NOTHING,
            };
        }
        let Some(file) = self.sync_file_arg(call, 0) else { return NOTHING };
        let fence = self.w.sync.files[file as usize].fence;
        match call.op {
            Op::FdInstall => {
                self.publish_fence(fence, Published::SyncFile);
                NOTHING
            }
            Op::SyncFileGetFence => {
                self.fence_get(fence);
                Flow::Return(Value::fence(fence))
            }
            Op::SyncFileMerge => match self.sync_file_arg(call, 1) {
                Some(other) => self.start_sync_file(FileDoing::Merge(file, other)),
                None => NOTHING,
            },
            Op::SyncFilePoll => self.start_sync_file(FileDoing::Poll(file)),
            Op::SyncFilePut => {
                self.w.sync.files[file as usize].closed = true;
                self.start_sync_file(FileDoing::Put(file))
            }
            other => panic!("engine bug: {other:?} is no operation on a sync_file"),
        }
    }

    /// The file that an argument is, if it is one and still open; otherwise the finding has been reported.
    fn sync_file_arg(&mut self, call: Call<'_>, n: usize) -> Option<u32> {
        let file = self.object(call, n)?;
        let closed = self.w.sync.files[file as usize].closed;
        if closed {
            let object = ObjectRef { kind: Kind::SyncFile, index: file };
            self.broken("RF502", "a sync_file is used after it was closed", Some(object));
        }
        (!closed).then_some(file)
    }

    fn start_sync_file(&mut self, doing: FileDoing) -> Flow {
        self.call(Frame::Sync(SyncFrame::File(FileFrame { doing, at: At::Start })))
    }

    pub(crate) fn run_sync_file(&mut self, frame: FileFrame) -> Flow {
        match frame.doing {
            FileDoing::Create(fence) => self.create_sync_file(frame, fence),
            FileDoing::Merge(a, b) => self.merge_sync_files(frame, a, b),
            FileDoing::Poll(file) => self.poll_sync_file(frame, file),
            FileDoing::Put(file) => self.put_sync_file(frame, file),
        }
    }

    /// `sync_file_create()`: takes a reference of its own.
    fn create_sync_file(&mut self, mut frame: FileFrame, fence: u32) -> Flow {
        if frame.at == At::Start {
            frame.at = At::Last;
            go!(self, SyncFrame::File(frame), self.allocate(Gfp::KERNEL));
        }
        let memory = self.ret();
        if !memory.is_true() {
            return NOTHING;
        }
        self.free_memory(memory);
        self.fence_get(fence);
        Flow::Return(self.new_sync_file(fence))
    }

    /// Takes over the reference.
    fn new_sync_file(&mut self, fence: u32) -> Value {
        self.w.sync.files.push(SyncFile { fence, node: NONE, closed: false });
        Value::Object(Kind::SyncFile, self.w.sync.files.len() as u32 - 1)
    }

    /// `sync_file_ioctl_merge()`: both stay as they are; user space sees the new one at once.
    fn merge_sync_files(&mut self, mut frame: FileFrame, a: u32, b: u32) -> Flow {
        if frame.at == At::Start {
            frame.at = At::Second;
            go!(self, SyncFrame::File(frame), self.allocate(Gfp::KERNEL));
        }
        if frame.at == At::Second {
            let memory = self.ret();
            if !memory.is_true() {
                return NOTHING;
            }
            self.free_memory(memory);
            let files = &self.w.sync.files;
            let fences = [files[a as usize].fence, files[b as usize].fence].map(Value::fence);
            let scratch = &mut self.me().scratch;
            let base = scratch.len();
            scratch.extend(fences);
            frame.at = At::Last;
            go!(self, SyncFrame::File(frame), self.unwrap_merge(base));
        }
        let Some(fence) = self.ret().index() else { return NOTHING };
        let file = self.new_sync_file(fence);
        self.publish_fence(fence, Published::SyncFile);
        Flow::Return(file)
    }

    /// `sync_file_poll()`: the first one asks for signalling.
    fn poll_sync_file(&mut self, mut frame: FileFrame, file: u32) -> Flow {
        let SyncFile { fence, node, .. } = self.w.sync.files[file as usize];
        if frame.at == At::Start {
            frame.at = At::Second;
            if node == NONE {
                let node = self.w.fences.new_node(Callback::Poll);
                self.w.sync.files[file as usize].node = node;
                go!(self, SyncFrame::File(frame), self.fence_add_callback(fence, node));
            }
        }
        if frame.at == At::Second {
            frame.at = At::Last;
            go!(self, SyncFrame::File(frame), self.fence_is_signaled(fence, false));
        }
        Flow::Return(self.ret())
    }

    /// `sync_file_release()`.
    fn put_sync_file(&mut self, mut frame: FileFrame, file: u32) -> Flow {
        let SyncFile { fence, node, .. } = self.w.sync.files[file as usize];
        if frame.at == At::Start {
            frame.at = At::Second;
            if node != NONE {
                go!(self, SyncFrame::File(frame), self.with_fence_lock(fence, Doing::RemoveCallback(node)));
            }
        }
        if frame.at == At::Second {
            frame.at = At::Last;
            if node != NONE {
                self.w.fences.drop_node(node);
                self.w.sync.files[file as usize].node = NONE;
            }
            go!(self, SyncFrame::File(frame), self.fence_put(fence));
        }
        NOTHING
    }
}
