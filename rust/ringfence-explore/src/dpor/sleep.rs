//! Sleep sets (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996): at each node, the
//! steps behind which everything was seen, and that nothing done since conflicts with.

use ringfence_base::Use;

use super::decision::Decision;
use super::event::Path;
use super::label::Label;

/// A step that was taken.
#[derive(Clone, Copy, Debug)]
struct Taken {
    party: u32,
    uses: u32,
    decisions: u32,
    mask: u64,
    barrier: bool,
    disables: bool,
}

/// The sleep sets of all nodes of the path, one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Sleep {
    /// Steps that sleep somewhere. A node that goes takes those with it that were taken at it.
    taken: Vec<Taken>,
    uses: Vec<Use>,
    decisions: Vec<Decision>,
    /// Numbers of such steps.
    members: Vec<u32>,
}

/// One node's part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sleepers {
    /// Its first member.
    from: u32,
    /// Behind its last member.
    to: u32,
    /// So many steps had been taken when the node came.
    taken: u32,
}

impl Sleep {
    pub(super) fn clear(&mut self) {
        self.taken.clear();
        self.uses.clear();
        self.decisions.clear();
        self.members.clear();
    }

    /// Nobody sleeps at the first node.
    pub(super) fn root() -> Sleepers {
        Sleepers::default()
    }

    /// Who sleeps at a node; those that were taken there come last.
    #[inline]
    pub(super) fn of(&self, node: Sleepers) -> impl DoubleEndedIterator<Item = Label<'_>> {
        self.members[node.from as usize..node.to as usize].iter().map(|&member| self.label(member))
    }

    #[inline]
    fn label(&self, member: u32) -> Label<'_> {
        let taken = &self.taken[member as usize];
        let next = self.taken.get(member as usize + 1);
        let uses = next.map_or(self.uses.len(), |next| next.uses as usize);
        let decisions = next.map_or(self.decisions.len(), |next| next.decisions as usize);
        Label {
            party: taken.party,
            decisions: &self.decisions[taken.decisions as usize..decisions],
            open: false,
            uses: &self.uses[taken.uses as usize..uses],
            mask: taken.mask,
            barrier: taken.barrier,
            disables: taken.disables,
            known: true,
        }
    }

    /// Whether exactly this step sleeps.
    #[inline]
    pub(super) fn has(&self, node: Sleepers, party: u32, decisions: &[Decision]) -> bool {
        self.of(node).any(|label| label.party == party && label.decisions == decisions)
    }

    /// Nobody sleeps at the node behind the latest.
    pub(super) fn nobody(&self) -> Sleepers {
        let members = self.members.len() as u32;
        Sleepers { from: members, to: members, taken: self.taken.len() as u32 }
    }

    /// Who still sleeps at the node behind the latest event, which was taken at the latest node.
    pub(super) fn wake(&mut self, node: Sleepers, path: &Path) -> Sleepers {
        let from = self.members.len() as u32;
        if node.from != node.to {
            let latest = path.len() as u32 - 1;
            let (event, uses) = (&path.events[latest as usize], path.uses_of(latest));
            for at in node.from..node.to {
                let member = self.members[at as usize];
                let label = self.label(member);
                if label.party != event.party && label.independent(uses, event.mask, event.barrier) {
                    self.members.push(member);
                }
            }
        }
        Sleepers { from, to: self.members.len() as u32, taken: self.taken.len() as u32 }
    }

    /// The latest node goes.
    pub(super) fn leave(&mut self, node: Sleepers) {
        self.members.truncate(node.from as usize);
        if let Some(first) = self.taken.get(node.taken as usize) {
            self.uses.truncate(first.uses as usize);
            self.decisions.truncate(first.decisions as usize);
            self.taken.truncate(node.taken as usize);
        }
    }

    /// Everything behind the latest event, taken at the latest node, was seen; whether somebody could not go on after
    /// it who could before.
    pub(super) fn fall_asleep(&mut self, node: &mut Sleepers, path: &Path, disables: bool) {
        let latest = path.len() as u32 - 1;
        let event = &path.events[latest as usize];
        self.members.push(self.taken.len() as u32);
        node.to += 1;
        self.taken.push(Taken {
            party: event.party,
            uses: self.uses.len() as u32,
            decisions: self.decisions.len() as u32,
            mask: event.mask,
            barrier: event.barrier,
            disables,
        });
        self.uses.extend_from_slice(path.uses_of(latest));
        self.decisions.extend_from_slice(path.decisions_of(latest));
    }

    pub(super) fn memory(&self) -> usize {
        self.taken.capacity() * size_of::<Taken>()
            + self.uses.capacity() * size_of::<Use>()
            + self.decisions.capacity() * size_of::<Decision>()
            + self.members.capacity() * size_of::<u32>()
    }
}
