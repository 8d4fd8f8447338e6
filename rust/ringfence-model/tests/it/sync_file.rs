//! `sync_file`: references, publishing, merging, polling.

use ringfence_base::scenario::Op;
use ringfence_base::{EventKind, Published};
use ringfence_model::Value;

use crate::by_hand::{ByHand, OK, timeline};

const A: usize = 1;
const B: usize = 3;

fn two_timelines() -> ByHand {
    ByHand::new(&[timeline(0), timeline(2)].concat(), 1)
}

fn fence(k: &mut ByHand, timeline: usize) -> Value {
    let timeline = k.object(timeline);
    k.call(Op::DmaFenceInit, &[timeline])
}

fn frees(events: &[EventKind]) -> Vec<u32> {
    let free = |kind: &EventKind| if let EventKind::FenceFree(fence) = kind { Some(*fence) } else { None };
    events.iter().filter_map(free).collect()
}

#[test]
fn a_file_keeps_its_fence() {
    let mut k = two_timelines();
    let fence = fence(&mut k, A);
    let file = k.call(Op::SyncFileCreate, &[fence]);
    k.call(Op::DmaFencePut, &[fence]);
    assert_eq!(k.call(Op::SyncFileGetFence, &[file]), fence);
    k.call(Op::SyncFilePut, &[file]);
    assert_eq!(k.call(Op::DmaFenceSignal, &[fence]), OK);
    assert!(frees(&k.events()).is_empty());
    k.call(Op::DmaFencePut, &[fence]);
    let events = k.events();
    assert_eq!(Value::fence(frees(&events)[0]), fence);
    k.call(Op::SyncFileGetFence, &[file]);
    assert_eq!(k.broken(), ["RF502"]);
    k.call(Op::SyncFilePut, &[file]);
    assert_eq!(k.broken(), ["RF502"]);
}

#[test]
fn user_space_sees_it_once_it_is_installed() {
    let mut k = two_timelines();
    let fence = fence(&mut k, A);
    let file = k.call(Op::SyncFileCreate, &[fence]);
    let publishes = |events: &[EventKind]| {
        let publish = |kind: &&EventKind| matches!(kind, EventKind::FencePublish(_, Published::SyncFile));
        events.iter().filter(publish).count()
    };
    assert_eq!(publishes(&k.events()), 0);
    k.call(Op::FdInstall, &[file]);
    assert_eq!(publishes(&k.events()), 1);
}

#[test]
fn merged_files_wait_for_both() {
    let mut k = two_timelines();
    let (a, b) = (fence(&mut k, A), fence(&mut k, B));
    let files = [a, b].map(|fence| k.call(Op::SyncFileCreate, &[fence]));
    let merged = k.call(Op::SyncFileMerge, &files);
    assert_eq!(k.number(Op::SyncFilePoll, &[merged]), 0);
    assert_eq!(k.call(Op::DmaFenceSignal, &[b]), OK);
    assert_eq!(k.number(Op::SyncFilePoll, &[merged]), 0);
    assert_eq!(k.number(Op::SyncFilePoll, &[files[1]]), 1);
    assert_eq!(k.call(Op::DmaFenceSignal, &[a]), OK);
    assert_eq!(k.number(Op::SyncFilePoll, &[merged]), 1);
    for file in [merged, files[0], files[1]] {
        k.call(Op::SyncFilePut, &[file]);
    }
    k.call(Op::DmaFencePut, &[a]);
    k.call(Op::DmaFencePut, &[b]);
    // Both, and the array.
    assert_eq!(frees(&k.events()).len(), 3);
    assert_eq!(k.broken(), [""; 0]);
}

/// Of two fences of one timeline only the later one counts.
#[test]
fn merged_files_of_one_timeline() {
    let mut k = two_timelines();
    let (first, second) = (fence(&mut k, A), fence(&mut k, A));
    let files = [first, second].map(|fence| k.call(Op::SyncFileCreate, &[fence]));
    let merged = k.call(Op::SyncFileMerge, &files);
    assert_eq!(k.call(Op::SyncFileGetFence, &[merged]), second);
    assert_eq!(k.broken(), [""; 0]);
}

/// The callback of a poll goes with the file: the fence may be dropped unsignaled afterwards.
#[test]
fn a_poll_leaves_nothing_behind() {
    for close_first in [true, false] {
        let mut k = two_timelines();
        let fence = fence(&mut k, A);
        let file = k.call(Op::SyncFileCreate, &[fence]);
        assert_eq!(k.number(Op::SyncFilePoll, &[file]), 0);
        assert_eq!(k.number(Op::SyncFilePoll, &[file]), 0);
        if close_first {
            k.call(Op::SyncFilePut, &[file]);
        }
        k.call(Op::DmaFencePut, &[fence]);
        if !close_first {
            k.call(Op::SyncFilePut, &[file]);
        }
        assert_eq!(frees(&k.events()).len(), 1);
        assert_eq!(k.broken(), [""; 0]);
    }
}
