//! Wakeup trees: at each node, what is still to be explored from there, as beginnings of executions of which none can
//! lead where another one leads (POPL 2014, section 6).

use ringfence_base::{Access, Use};

use super::decision::Decision;
use super::event::{NONE, mask};
use super::label::{Label, Reversal, Standing};

/// A step to be taken.
#[derive(Clone, Debug)]
struct Branch {
    party: u32,
    decisions: Vec<Decision>,
    open: bool,
    uses: Vec<Use>,
    mask: u64,
    barrier: bool,
    known: bool,
    /// What was taken before it may turn out to lead where it leads.
    doubtful: bool,
    /// Everything behind it is to be explored, though it may lead where something else leads.
    stubborn: bool,
    /// It was decided elsewhere what is decided in it: it may as well be decided otherwise here.
    repeated: bool,
    /// Some of what is behind it may have been seen.
    lenient: bool,
    /// The first step to be taken behind it.
    child: u32,
    /// What is to be taken at the same node after it.
    sibling: u32,
}

/// A step that was taken out of its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) party: u32,
    /// What is to be explored behind it.
    pub(super) behind: u32,
    /// Everything behind it is to be explored, whatever sleeps.
    pub(super) stubborn: bool,
    /// What is decided in it is to be decided otherwise, too.
    pub(super) repeated: bool,
    /// What is behind it is to be explored, but for what begins with a step that sleeps.
    pub(super) lenient: bool,
}

/// The trees of all nodes of the path. A tree is the number of its first branch, or none.
#[derive(Clone, Debug, Default)]
pub(super) struct WakeupTrees {
    branches: Vec<Branch>,
    /// Branches that are in no tree, by number.
    free: Vec<u32>,
    /// Bytes in lists of branches.
    held: usize,
    /// Worked with while a reversal goes in.
    rest: Vec<u32>,
    /// Worked with while a branch goes.
    doomed: Vec<u32>,
}

impl WakeupTrees {
    /// Forgets all trees, but keeps their memory.
    pub(super) fn clear(&mut self) {
        self.free.clear();
        self.free.extend((0..self.branches.len() as u32).rev());
    }

    fn label(&self, branch: u32) -> Label<'_> {
        let Branch { party, decisions, open, uses, mask, barrier, known, .. } =
            &self.branches[branch as usize];
        let (party, open, mask, barrier, known) = (*party, *open, *mask, *barrier, *known);
        Label { party, decisions, open, uses, mask, barrier, disables: false, known }
    }

    /// Number of steps that are to be taken at the tree's node.
    pub(super) fn width(&self, tree: u32) -> u32 {
        let mut width = 0;
        let mut at = tree;
        while at != NONE {
            width += 1;
            at = self.branches[at as usize].sibling;
        }
        width
    }

    /// Takes the first branch out of the tree; puts what is to be decided in it into `decisions`.
    pub(super) fn take(&mut self, tree: &mut u32, decisions: &mut Vec<Decision>) -> Option<First> {
        if *tree == NONE {
            return None;
        }
        let number = *tree;
        let branch = &mut self.branches[number as usize];
        decisions.clear();
        decisions.append(&mut branch.decisions);
        let first = First {
            party: branch.party,
            behind: branch.child,
            stubborn: branch.stubborn,
            repeated: branch.repeated,
            lenient: branch.lenient,
        };
        *tree = branch.sibling;
        self.free.push(number);
        Some(first)
    }

    /// Drops a whole tree.
    pub(super) fn drop(&mut self, tree: u32) {
        self.doomed.push(tree);
        while let Some(number) = self.doomed.pop() {
            if number != NONE {
                let Branch { child, sibling, .. } = self.branches[number as usize];
                self.doomed.extend([child, sibling]);
                self.free.push(number);
            }
        }
    }

    /// A step of which no more is known than who takes it, and how what it decides begins; unless it is there.
    pub(super) fn insert_step(&mut self, tree: &mut u32, party: u32, decisions: &[Decision], stubborn: bool) {
        let there = |branch: &Branch| {
            let same = branch.open || branch.decisions == decisions;
            same && decisions.starts_with(&branch.decisions)
        };
        if let Some(number) = self.insert_unless(tree, party, decisions, there) {
            self.branches[number as usize].stubborn = stubborn;
        }
    }

    /// The same of a step that was decided otherwise elsewhere; unless one is there from which on all that may be
    /// decided is explored.
    pub(super) fn insert_otherwise(&mut self, tree: &mut u32, party: u32, decisions: &[Decision]) {
        let there = |branch: &Branch| {
            let open = branch.open && decisions.starts_with(&branch.decisions);
            open || branch.decisions.starts_with(decisions)
        };
        if let Some(number) = self.insert_unless(tree, party, decisions, there) {
            self.branches[number as usize].lenient = true;
        }
    }

    fn insert_unless(
        &mut self,
        tree: &mut u32,
        party: u32,
        decisions: &[Decision],
        there: impl Fn(&Branch) -> bool,
    ) -> Option<u32> {
        let mut at = *tree;
        let mut last = NONE;
        while at != NONE {
            let branch = &self.branches[at as usize];
            if branch.party == party && there(branch) {
                return None;
            }
            (last, at) = (at, branch.sibling);
        }
        let number = self.grow(party, decisions, &[]);
        let branch = &mut self.branches[number as usize];
        branch.open = true;
        branch.known = false;
        self.hang(tree, last, number);
        Some(number)
    }

    /// The reversal, unless what is in the tree leads there anyway (the function `insert` of the paper). If it is
    /// stubborn, that must begin with the same steps.
    pub(super) fn insert(&mut self, tree: &mut u32, reversal: Reversal<'_>, stubborn: bool) {
        let mut rest = std::mem::take(&mut self.rest);
        rest.clear();
        rest.extend_from_slice(reversal.events);
        self.insert_rest(tree, &mut rest, reversal, stubborn);
        self.rest = rest;
    }

    fn insert_rest(&mut self, tree: &mut u32, rest: &mut Vec<u32>, reversal: Reversal<'_>, stubborn: bool) {
        let mut parent = NONE;
        let mut at = *tree;
        let mut last = NONE;
        let mut doubtful = !stubborn && !reversal.certain();
        while at != NONE {
            let Branch { child, sibling, doubtful: doubted, .. } = self.branches[at as usize];
            let standing = (Reversal { events: &rest[..], ..reversal }).standing(&self.label(at));
            let leads = match standing {
                Standing::Bars => false,
                Standing::Apart if stubborn => false,
                Standing::Unknown => {
                    doubtful = !stubborn;
                    false
                }
                Standing::Initial(_) if rest.len() == 1 => return,
                Standing::Initial(_) | Standing::Apart if child != NONE => true,
                Standing::Initial(_) | Standing::Apart if doubted => {
                    doubtful = !stubborn;
                    false
                }
                // Everything behind it will be seen.
                Standing::Initial(_) | Standing::Apart => return,
            };
            if !leads {
                (last, at) = (at, sibling);
                continue;
            }
            if let Standing::Initial(position) = standing {
                rest.remove(position);
            }
            (parent, at, last) = (at, child, NONE);
        }
        for &event in rest.iter() {
            let number = self.grow_event(event, reversal);
            if last == NONE && parent != NONE {
                self.branches[parent as usize].child = number;
            } else {
                self.hang(tree, last, number);
            }
            (parent, last) = (number, NONE);
        }
        let leaf = &mut self.branches[parent as usize];
        (leaf.doubtful, leaf.stubborn) = (doubtful, stubborn);
    }

    /// The branch comes behind `last`, or first in the tree.
    fn hang(&mut self, tree: &mut u32, last: u32, number: u32) {
        match last {
            NONE => *tree = number,
            _ => self.branches[last as usize].sibling = number,
        }
    }

    fn grow_event(&mut self, number: u32, reversal: Reversal<'_>) -> u32 {
        let Reversal { path, moved, .. } = reversal;
        let event = &path.events[number as usize];
        let grown = self.grow(event.party, path.decisions_of(number), path.uses_of(number));
        let branch = &mut self.branches[grown as usize];
        branch.open = number == moved;
        branch.barrier = event.barrier;
        branch.known = number != moved || event.fixed;
        branch.repeated = number != moved;
        if number == moved {
            // Where it is now, it finds the lock free.
            for one in branch.uses.iter_mut().filter(|one| one.access == Access::Wait) {
                one.access = Access::Acquire;
            }
        }
        grown
    }

    fn grow(&mut self, party: u32, decisions: &[Decision], uses: &[Use]) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.branches.push(Branch {
                party,
                decisions: Vec::new(),
                open: false,
                uses: Vec::new(),
                mask: 0,
                barrier: false,
                known: false,
                doubtful: false,
                stubborn: false,
                repeated: false,
                lenient: false,
                child: NONE,
                sibling: NONE,
            });
            self.branches.len() as u32 - 1
        });
        let branch = &mut self.branches[number as usize];
        self.held -= branch.held();
        branch.decisions.clear();
        branch.decisions.extend_from_slice(decisions);
        branch.uses.clear();
        branch.uses.extend_from_slice(uses);
        self.held += branch.held();
        branch.party = party;
        branch.barrier = false;
        branch.doubtful = false;
        branch.stubborn = false;
        branch.repeated = false;
        branch.lenient = false;
        branch.mask = mask(uses);
        branch.child = NONE;
        branch.sibling = NONE;
        number
    }

    pub(super) fn memory(&self) -> usize {
        let lists = self.free.capacity() + self.rest.capacity() + self.doomed.capacity();
        self.branches.capacity() * size_of::<Branch>() + self.held + lists * size_of::<u32>()
    }
}

impl Branch {
    fn held(&self) -> usize {
        self.decisions.capacity() * size_of::<Decision>() + self.uses.capacity() * size_of::<Use>()
    }
}
