//! From races to what is to be explored.

use super::event::{NONE, Path};
use super::label::{Reversal, Standing};
use super::race::Race;
use super::{Disabled, Dpor};

impl Dpor {
    /// Puts what the execution calls for into the wakeup trees: each step that was disabled instead of the one that
    /// disabled it, and a reversal of each race.
    pub(super) fn plan(&mut self) {
        let disabled = std::mem::take(&mut self.disabled);
        for &one in &disabled {
            if self.adds_to(one.event, one.event) {
                self.take_instead(one);
            }
        }
        self.disabled = disabled;
        let races = std::mem::take(&mut self.races);
        for &race in &races {
            if self.adds_to(race.first, race.second) {
                self.reverse(race);
            }
        }
        self.races = races;
        self.planned = self.path.len() as u32;
    }

    /// Whether the second event is new, or there are new ones that don't depend on the first: both make another
    /// reversal.
    fn adds_to(&self, first: u32, second: u32) -> bool {
        let apart = |new: u32| new > first && !self.path.before(first, new);
        second >= self.planned || (self.planned..self.path.len() as u32).any(apart)
    }

    /// The party's step instead of the event, as it was taken later if that tells what it does, with what it does not
    /// depend on; or else the step alone.
    fn take_instead(&mut self, Disabled { event, party }: Disabled) {
        let node = event as usize;
        let sleepers = self.nodes[node].sleepers;
        let own =
            (event + 1..self.path.len() as u32).find(|&own| self.path.events[own as usize].party == party);
        // What only happens because nothing else can is another step.
        if let Some(own) = own.filter(|&own| !self.path.events[own as usize].barrier) {
            let race = Race { first: event, second: own };
            gather(&self.path, race, &mut self.reversal, &mut self.dropped);
            leave_apart(&self.path, own, &mut self.reversal, &mut self.dropped);
            self.reversal.push(own);
            let reversal = Reversal { path: &self.path, events: &self.reversal, moved: own };
            if reversal.certain() {
                let begins = |label| matches!(reversal.standing(&label), Standing::Initial(_));
                if !self.sleep.of(sleepers).any(begins) {
                    self.trees.insert(&mut self.nodes[node].tree, reversal, true);
                }
                return;
            }
        }
        // Where it was taken, all its decisions were.
        let done = self.nodes[node].done as usize;
        let taken = self.sleep.of(sleepers).rev().take(done).any(|label| label.party == party);
        if !taken && !self.sleep.has(sleepers, party, &[]) {
            self.trees.insert_step(&mut self.nodes[node].tree, party, &[], true);
        }
    }

    fn reverse(&mut self, race: Race) {
        let node = race.first as usize;
        let second = self.path.events[race.second as usize];
        gather(&self.path, race, &mut self.reversal, &mut self.dropped);
        // Its party has not done anything since the first event, so that it was in front of the same step.
        let in_front = second.previous == NONE || second.previous < race.first;
        if in_front && !self.enabled_at(node).iter().any(|enabled| enabled.party == second.party) {
            let path = &self.path;
            let alone = self.reversal.iter().all(|&event| !path.clash(event, race.second));
            if alone {
                return;
            }
        }
        self.reversal.push(race.second);
        let reversal = Reversal { path: &self.path, events: &self.reversal, moved: race.second };
        let sleepers = self.nodes[node].sleepers;
        let bars = |label| matches!(reversal.standing(&label), Standing::Bars | Standing::Unknown);
        if self.sleep.of(sleepers).all(bars) {
            self.trees.insert(&mut self.nodes[node].tree, reversal, false);
        }
    }
}

/// The events after the first of the race that don't depend on it, besides the second. Steps that wait are left out,
/// and what depends on them, unless the second does.
fn gather(path: &Path, race: Race, reversal: &mut Vec<u32>, dropped: &mut Vec<u32>) {
    reversal.clear();
    dropped.clear();
    for event in race.first + 1..path.len() as u32 {
        if event == race.second || path.before(race.first, event) {
            continue;
        }
        let out =
            path.events[event as usize].waits || dropped.iter().any(|&earlier| path.before(earlier, event));
        if out && !(event < race.second && path.before(event, race.second)) {
            dropped.push(event);
        } else {
            reversal.push(event);
        }
    }
}

/// Leaves only those events that clash neither with this one nor with what is not left.
fn leave_apart(path: &Path, own: u32, events: &mut Vec<u32>, dropped: &mut Vec<u32>) {
    dropped.clear();
    events.retain(|&event| {
        let out = path.clash(event, own) || dropped.iter().any(|&earlier| path.before(earlier, event));
        if out {
            dropped.push(event);
        }
        !out
    });
}

impl Path {
    /// Whether two events of the path conflict.
    fn clash(&self, one: u32, other: u32) -> bool {
        let (a, b) = (&self.events[one as usize], &self.events[other as usize]);
        let uses = || {
            let theirs = self.uses_of(other);
            self.uses_of(one)
                .iter()
                .any(|a| theirs.iter().any(|b| a.resource == b.resource && a.access.conflicts(b.access)))
        };
        a.party == b.party || a.barrier || b.barrier || (a.mask & b.mask != 0 && uses())
    }
}
