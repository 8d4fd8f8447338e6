//! How things are called.

use super::phrase::Phrase;
use crate::render::source::source;
use crate::{ClassView, HeldLockView, Link, LockReport, PlaceView};

/// The place in a cell: on whose behalf, then where, one line each.
pub(super) fn place_lines(place: &PlaceView) -> Vec<Phrase> {
    let mut lines = Vec::new();
    if let Some(via) = &place.via {
        lines.push(Phrase::new().plain("via ").plain(via));
    }
    let at = source(place).unwrap_or_else(|| format!("op {}", place.op));
    lines.push(Phrase::new().place(&at));
    lines
}

/// The place in a sentence: `op 3 of client, submit (gpu.c:7), via fs_reclaim_acquire(GFP_NOFS)`.
pub(super) fn place(place: &PlaceView) -> Phrase {
    let mut phrase = Phrase::new().place(&format!("op {} of {}", place.op, place.task));
    if let Some(source) = source(place) {
        phrase = phrase.place(&format!(", {source}"));
    }
    match &place.via {
        Some(via) => phrase.plain(", via ").plain(via),
        None => phrase,
    }
}

/// What waiting for a lock of this class means.
pub(super) fn wait_type(inner: u8) -> &'static str {
    match inner {
        0 => "annotation",
        1 => "never waits",
        2 => "always spins",
        3 => "spins",
        4 => "sleeps",
        _ => "anything",
    }
}

fn read_mode(read: u8) -> &'static str {
    match read {
        0 => "exclusive",
        1 => "shared",
        _ => "recursive reader",
    }
}

/// How a lock in somebody's hands is held, or how it is wanted.
pub(super) fn mode(lock: &HeldLockView) -> String {
    let mut mode = read_mode(lock.read).to_owned();
    for (flag, word) in [(lock.trylock, ", trylock"), (lock.sync, ", lock_sync")] {
        if flag {
            mode.push_str(word);
        }
    }
    mode
}

/// How a link's first class is held.
pub(super) fn held_mode(link: &Link, report: &LockReport) -> String {
    match &report.holding {
        Some(holding) if link.new => mode(holding),
        _ => read_mode(link.held_read).to_owned(),
    }
}

/// How a link's second class is taken.
pub(super) fn taken_mode(link: &Link, report: &LockReport) -> String {
    if link.new { mode(&report.lock) } else { read_mode(link.taken_read).to_owned() }
}

/// `name (mode, wait type)`.
pub(super) fn class_with_mode(class: &ClassView, mode: &str) -> Phrase {
    Phrase::new().class(&class.name).plain(&format!(" ({mode}, {})", wait_type(class.wait_inner)))
}

/// `hard interrupt` or `soft interrupt`, from the kernel's name of the state.
pub(super) fn interrupt(irq: &str) -> &'static str {
    if irq.starts_with("SOFT") { "soft interrupt" } else { "hard interrupt" }
}

/// `exclusive` or `shared`, from the last letter of a usage state.
pub(super) fn usage_mode(state: &str) -> &'static str {
    if state.ends_with("-R") { "shared" } else { "exclusive" }
}
