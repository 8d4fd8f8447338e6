//! The execution that the search is in: its events, and what happened before what.

use ringfence_base::{Access, Footprint, Use};

use super::clock::{Clock, Clocks};
use super::decision::Decision;
use super::race::{Predecessor, Race};

/// No event, use, branch.
pub(super) const NONE: u32 = u32::MAX;

/// One step of one party.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) party: u32,
    /// It is so many events of its party, from the first to itself.
    pub(super) number: u32,
    /// The event of its party before it.
    pub(super) previous: u32,
    /// Where its uses and decisions begin; they end where the next event's begin.
    uses: u32,
    decisions: u32,
    /// The resources it uses, folded into 64 bits.
    pub(super) mask: u64,
    pub(super) barrier: bool,
    pub(super) fixed: bool,
    /// It waits for a lock.
    pub(super) waits: bool,
}

/// A use's place among the uses of its resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) event: u32,
    /// The use of the resource before it.
    pub(super) previous: u32,
}

/// The events of the execution, the earliest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    pub(super) events: Vec<Event>,
    pub(super) uses: Vec<Use>,
    pub(super) links: Vec<Link>,
    pub(super) decisions: Vec<Decision>,
    pub(super) clocks: Clocks,
    /// The latest use of each resource.
    pub(super) latest_use: Vec<u32>,
    /// The latest event of each party.
    latest_event: Vec<u32>,
    /// Events that everything is ordered with.
    pub(super) barriers: Vec<u32>,
    /// Worked with while an event is added.
    pub(super) clock: Clock,
    pub(super) others: Clock,
    pub(super) predecessors: Vec<Predecessor>,
    pub(super) enabling: Vec<u32>,
}

/// The resources, folded into 64 bits: steps without a common bit have no common resource.
#[inline]
pub(super) fn mask(uses: &[Use]) -> u64 {
    uses.iter().fold(0, |mask, one| mask | 1 << (one.resource & 63))
}

impl Path {
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.uses.clear();
        self.links.clear();
        self.decisions.clear();
        self.clocks.clear();
        self.latest_use.clear();
        self.latest_event.clear();
        self.barriers.clear();
    }

    /// The number of events.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// The latest event's party.
    #[inline]
    pub(super) fn latest_party(&self) -> Option<u32> {
        self.events.last().map(|event| event.party)
    }

    #[inline]
    pub(super) fn uses_of(&self, event: u32) -> &[Use] {
        let end = self.events.get(event as usize + 1).map_or(self.uses.len(), |next| next.uses as usize);
        &self.uses[self.events[event as usize].uses as usize..end]
    }

    #[inline]
    pub(super) fn decisions_of(&self, event: u32) -> &[Decision] {
        let next = self.events.get(event as usize + 1);
        let end = next.map_or(self.decisions.len(), |next| next.decisions as usize);
        &self.decisions[self.events[event as usize].decisions as usize..end]
    }

    /// Whether the one happened before the other, or is it.
    #[inline]
    pub(super) fn before(&self, one: u32, other: u32) -> bool {
        let event = &self.events[one as usize];
        self.clocks.covers(other, event.party, event.number)
    }

    /// One more event, with the decisions from `decisions` on; what it races with goes to `races`.
    pub(super) fn push(
        &mut self,
        party: u32,
        parties: usize,
        footprint: &Footprint,
        decisions: usize,
        races: &mut Vec<Race>,
    ) {
        self.clocks.make_room(parties);
        if self.latest_event.len() < parties {
            self.latest_event.resize(parties, NONE);
        }
        let this = self.events.len() as u32;
        let previous = self.latest_event[party as usize];
        let number = if previous == NONE { 1 } else { self.events[previous as usize].number + 1 };

        self.clock.start(&self.clocks);
        if previous != NONE {
            self.clock.join(&self.clocks, previous);
        }
        if let Some(&barrier) = self.barriers.last() {
            self.clock.join(&self.clocks, barrier);
        }
        if footprint.barrier {
            for &latest in self.latest_event.iter().filter(|&&latest| latest != NONE) {
                self.clock.join(&self.clocks, latest);
            }
        } else {
            self.find_races(this, party, footprint, races);
        }
        self.clock.tick(party, number);
        self.clocks.push(&self.clock);

        if footprint.barrier {
            self.barriers.push(this);
        }
        self.latest_event[party as usize] = this;
        self.events.push(Event {
            party,
            number,
            previous,
            uses: self.uses.len() as u32,
            decisions: decisions as u32,
            mask: mask(&footprint.uses),
            barrier: footprint.barrier,
            fixed: footprint.fixed,
            waits: footprint.uses.iter().any(|one| one.access == Access::Wait),
        });
        for &one in &footprint.uses {
            let resource = one.resource as usize;
            if self.latest_use.len() <= resource {
                self.latest_use.resize(resource + 1, NONE);
            }
            self.links.push(Link { event: this, previous: self.latest_use[resource] });
            self.latest_use[resource] = self.uses.len() as u32;
            self.uses.push(one);
        }
    }

    /// Forgets the latest event.
    pub(super) fn pop(&mut self) {
        let Some(event) = self.events.pop() else { return };
        for at in (event.uses as usize..self.uses.len()).rev() {
            self.latest_use[self.uses[at].resource as usize] = self.links[at].previous;
        }
        self.uses.truncate(event.uses as usize);
        self.links.truncate(event.uses as usize);
        self.decisions.truncate(event.decisions as usize);
        self.clocks.pop();
        self.latest_event[event.party as usize] = event.previous;
        if event.barrier {
            self.barriers.pop();
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.events.capacity() * size_of::<Event>()
            + self.uses.capacity() * size_of::<Use>()
            + self.links.capacity() * size_of::<Link>()
            + self.decisions.capacity() * size_of::<Decision>()
            + self.clocks.memory()
            + (self.latest_use.capacity() + self.latest_event.capacity()) * size_of::<u32>()
    }
}
