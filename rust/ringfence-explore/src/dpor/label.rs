//! Steps that are told apart by who takes them and what is decided in them, and where they stand to a sequence of
//! events.

use ringfence_base::{Access, Use};

use super::decision::Decision;
use super::event::Path;

/// A step at a place where it is to be taken, or was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label<'a> {
    pub(super) party: u32,
    /// What is decided in it, or at the beginning of it.
    pub(super) decisions: &'a [Decision],
    /// Whatever is decided after that comes up as well.
    pub(super) open: bool,
    pub(super) uses: &'a [Use],
    pub(super) mask: u64,
    /// It is ordered with everything.
    pub(super) barrier: bool,
    /// Somebody else could not go on after it who could before.
    pub(super) disables: bool,
    /// These are its uses there.
    pub(super) known: bool,
}

/// Events of the path that could happen without another one: in their order, and behind them the one that the race was
/// with, at another place than where it was recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reversal<'a> {
    pub(super) path: &'a Path,
    pub(super) events: &'a [u32],
    /// The one behind the others, as long as it is among them.
    pub(super) moved: u32,
}

/// How a step stands to a sequence of events that begins where it would be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// It could not come first and lead to all of the same.
    Bars,
    /// Whether it could can't be told.
    Unknown,
    /// It could come first, though it is not among them.
    Apart,
    /// It is this one of them, and could be the first.
    Initial(usize),
}

fn clash(a: &[Use], b: &[Use]) -> bool {
    a.iter().any(|a| b.iter().any(|b| a.resource == b.resource && a.access.conflicts(b.access)))
}

/// The same, if a use that waits for a lock may take it where it is now.
fn clash_moved(a: &[Use], b: &[Use]) -> bool {
    let reads = |one: &Use| one.access == Access::Read;
    a.iter().any(|a| b.iter().any(|b| a.resource == b.resource && !(reads(a) && reads(b))))
}

impl Label<'_> {
    /// Whether it can be swapped with another step, both of known footprints.
    #[inline]
    pub(super) fn independent(&self, uses: &[Use], mask: u64, barrier: bool) -> bool {
        !self.barrier && !barrier && (self.mask & mask == 0 || !clash(self.uses, uses))
    }

    /// Whether everything that begins with a sequence it is independent of is seen if everything that begins with it
    /// is. Not if its party may as well decide otherwise behind the sequence; nor if it disables somebody: he may go on
    /// behind the sequence, before it.
    pub(super) fn stands_for_others(&self) -> bool {
        self.decisions.is_empty() && !self.disables
    }

    /// Whether this is what is decided in a step, or among it.
    pub(super) fn decides(&self, decisions: &[Decision]) -> bool {
        match self.open {
            true => decisions.starts_with(self.decisions),
            false => self.decisions == decisions,
        }
    }
}

impl Reversal<'_> {
    /// Whether a step of known uses can be swapped with this event; if it is the moved one, where it is now.
    #[inline]
    fn apart(&self, label: &Label<'_>, event: u32) -> bool {
        let what = &self.path.events[event as usize];
        if event != self.moved {
            return label.independent(self.path.uses_of(event), what.mask, what.barrier);
        }
        let clear = || label.mask & what.mask == 0 || !clash_moved(label.uses, self.path.uses_of(event));
        !label.barrier && !what.barrier && clear()
    }

    /// Whether the moved event's uses don't clash with those of this other one.
    fn moved_apart(&self, event: u32) -> bool {
        let (moved, what) = (&self.path.events[self.moved as usize], &self.path.events[event as usize]);
        let clear = || !clash_moved(self.path.uses_of(self.moved), self.path.uses_of(event));
        !what.barrier && (moved.mask & what.mask == 0 || clear())
    }

    /// Whether what the moved event does is the same where it is now.
    pub(super) fn certain(&self) -> bool {
        let fixed = self.path.events[self.moved as usize].fixed;
        fixed && self.path.decisions_of(self.moved).is_empty()
    }

    /// Whether the step is a weak initial of the sequence: some continuation of the sequence comes to the same as some
    /// sequence that begins with the step.
    pub(super) fn standing(&self, label: &Label<'_>) -> Standing {
        let of_party = |&event: &u32| self.path.events[event as usize].party == label.party;
        match self.events.iter().position(of_party) {
            Some(at) => self.standing_among(label, at),
            None => self.standing_beside(label),
        }
    }

    /// The same, if no event is of its party.
    fn standing_beside(&self, label: &Label<'_>) -> Standing {
        if !label.stands_for_others() {
            return Standing::Bars;
        }
        if !label.known {
            return Standing::Unknown;
        }
        let mut standing = Standing::Apart;
        for &event in self.events {
            if event == self.moved && !self.path.events[event as usize].fixed {
                standing = Standing::Unknown;
            } else if !self.apart(label, event) {
                return Standing::Bars;
            }
        }
        standing
    }

    /// The same, if this is the first event of its party.
    fn standing_among(&self, label: &Label<'_>, at: usize) -> Standing {
        let (before, event) = (&self.events[..at], self.events[at]);
        let (decisions, moved) = (self.path.decisions_of(event), event == self.moved);
        if !label.decides(decisions) {
            // What is decided in a step that was moved may not be what it is asked there.
            return if label.open || moved { Standing::Unknown } else { Standing::Bars };
        }
        let first = if label.known {
            before.iter().all(|&earlier| self.apart(label, earlier))
        } else if !moved {
            before.iter().all(|&earlier| !self.path.before(earlier, event))
        } else if before.is_empty() || self.path.events[event as usize].fixed {
            before.iter().all(|&earlier| self.moved_apart(earlier))
        } else {
            return Standing::Unknown;
        };
        if first { Standing::Initial(at) } else { Standing::Bars }
    }
}
