//! From races to what is to be explored.

use super::Dpor;
use super::event::{NONE, Path};
use super::label::{Reversal, Standing};
use super::race::Race;

impl Dpor {
    /// Puts a reversal of each new race of the execution into the wakeup tree of the node before the race.
    pub(super) fn plan(&mut self) {
        let races = std::mem::take(&mut self.races);
        for &race in &races {
            self.reverse(race);
        }
        self.races = races;
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
        if self.sleep.of(sleepers).all(|label| reversal.standing(&label) == Standing::Bars) {
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
        let waits =
            path.events[event as usize].waits || dropped.iter().any(|&waits| path.before(waits, event));
        if waits && !(event < race.second && path.before(event, race.second)) {
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
