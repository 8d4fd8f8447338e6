//! From races to what is to be explored.

use super::event::{NONE, Path};
use super::label::{Reversal, Standing};
use super::race::Race;
use super::{Disabled, Dpor};

impl Dpor {
    /// Puts what the execution's new events call for into the wakeup trees: each step that was disabled instead of the
    /// one that disabled it, and a reversal of each race.
    pub(super) fn plan(&mut self) {
        let disabled = std::mem::take(&mut self.disabled);
        for &one in &disabled {
            self.take_instead(one);
        }
        self.disabled = disabled;
        self.disabled.clear();
        let mut decided = std::mem::take(&mut self.decided);
        decided.clear();
        decided.extend(
            (self.planned..self.path.len() as u32).filter(|&new| !self.path.decisions_of(new).is_empty()),
        );
        let races = std::mem::take(&mut self.races);
        for &race in &races {
            let apart = |&event: &u32| event > race.first && !self.path.before(race.first, event);
            // With another decision in it, a reversal is another one.
            if race.second >= self.planned || decided.iter().any(apart) {
                self.reverse(race);
            }
        }
        self.races = races;
        self.decided = decided;
        self.planned = self.path.len() as u32;
    }

    fn take_instead(&mut self, Disabled { event, party }: Disabled) {
        let node = event as usize;
        let later = event + 1..self.path.len() as u32;
        let own = later.into_iter().find(|&later| self.path.events[later as usize].party == party);
        if let Some(own) = own {
            // It was taken later, which tells what it does.
            let reversal = Reversal { path: &self.path, events: &[own], moved: own };
            if reversal.certain() {
                if self
                    .sleep
                    .of(self.nodes[node].sleepers)
                    .all(|label| reversal.standing(&label) == Standing::Bars)
                {
                    self.trees.insert(&mut self.nodes[node].tree, reversal);
                }
                return;
            }
        }
        if !self.sleep.has(self.nodes[node].sleepers, party, &[]) {
            self.trees.insert_step(&mut self.nodes[node].tree, party, &[]);
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
            self.trees.insert(&mut self.nodes[node].tree, reversal);
        }
    }
}

/// The events after the first of the race that don't depend on it, besides the second. Steps that wait are left out, and
/// what depends on them, unless the second does.
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
