//! Races: pairs of events that could have happened the other way round.

use ringfence_base::{Access, Footprint};

use super::event::{Link, NONE, Path};

/// Two events of different parties that may not be swapped, between which nothing else keeps the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Race {
    pub(super) first: u32,
    pub(super) second: u32,
}

/// How an event is ordered before another that uses the same resource.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Order {
    /// It could have come later.
    Reversible,
    /// It took the lock that the other takes or waits for, and the lock has been given back since: it could have taken
    /// it later, whatever it did in between.
    Took,
    /// It could not have come later.
    Fixed,
    /// It gave back the lock that the other takes or waits for: that could only have come before it if the lock had
    /// been taken later, too.
    GaveBack,
}

/// An earlier event with a resource in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Predecessor {
    event: u32,
    order: Order,
}

impl Path {
    /// Finds what event `this` of the party races with, if it has this footprint. Its clock has what happened before
    /// in any case, and gets the rest.
    pub(super) fn find_races(&mut self, this: u32, party: u32, footprint: &Footprint, races: &mut Vec<Race>) {
        self.predecessors.clear();
        self.enabling.clear();
        for one in &footprint.uses {
            self.add_predecessors(one.resource, one.access);
        }
        match self.predecessors.len() {
            0 => return,
            1 => {}
            // The latest first, the strictest order of each first.
            _ => self.predecessors.sort_unstable_by(|a, b| b.cmp(a)),
        }
        // What is ordered before this event whichever races are reversed, and what only because they are not.
        self.others.start(&self.clocks);
        let mut latest = NONE;
        for at in 0..self.predecessors.len() {
            let Predecessor { event, order } = self.predecessors[at];
            if event == latest {
                continue;
            }
            latest = event;
            if matches!(order, Order::Fixed | Order::GaveBack) {
                self.others.join(&self.clocks, event);
                continue;
            }
            let first = &self.events[event as usize];
            if self.clock.covers(first.party, first.number) {
                continue;
            }
            let locked_out = |&gave_back: &u32| self.before(event, gave_back);
            if first.party != party && (order == Order::Took || !self.enabling.iter().any(locked_out)) {
                races.push(Race { first: event, second: this });
            }
            self.clock.join(&self.clocks, event);
        }
        self.clock.join_clock(&self.others);
    }

    /// The events that a use of the resource is ordered behind, as far as others among them do not stand for them.
    fn add_predecessors(&mut self, resource: u32, access: Access) {
        let mut at = self.latest_use.get(resource as usize).copied().unwrap_or(NONE);
        while at != NONE {
            let (earlier, link) = (self.uses[at as usize].access, self.links[at as usize]);
            if earlier.conflicts(access) {
                let takes = matches!(access, Access::Acquire | Access::Wait);
                let order = match earlier {
                    Access::Release if takes => Order::GaveBack,
                    _ if earlier.reversible(access) => Order::Reversible,
                    _ => Order::Fixed,
                };
                self.predecessors.push(Predecessor { event: link.event, order });
                if order == Order::GaveBack {
                    self.enabling.push(link.event);
                    if let Some(event) = self.taker(at) {
                        self.predecessors.push(Predecessor { event, order: Order::Took });
                    }
                }
            }
            // Those that conflict with every use stand for all before them.
            if matches!(earlier, Access::Write | Access::Acquire | Access::Release) {
                return;
            }
            at = link.previous;
        }
    }

    /// The event that took the lock which is given back by this use: an acquisition, or what else the party has written
    /// to it, such as a trylock.
    fn taker(&self, release: u32) -> Option<u32> {
        let Link { event, previous } = self.links[release as usize];
        let party = self.events[event as usize].party;
        let mut at = previous;
        let mut taker = None;
        while at != NONE {
            let link = self.links[at as usize];
            let own = self.events[link.event as usize].party == party;
            match self.uses[at as usize].access {
                Access::Acquire => return if own { Some(link.event) } else { taker },
                Access::Release => return taker,
                Access::Write if own => taker = Some(link.event),
                _ => {}
            }
            at = link.previous;
        }
        taker
    }
}
