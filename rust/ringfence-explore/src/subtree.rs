//! A search cut into parts that can be done at the same time.

use ringfence_base::{End, System};

use crate::choice_tree::{Bound, ChoiceTree};
use crate::execution::{Limits, Runner};

/// All executions that begin with the same choices.
#[derive(Clone, PartialEq, Debug)]
pub struct Subtree {
    choices: Vec<u32>,
    weight: f64,
}

impl Subtree {
    /// All executions.
    pub fn all() -> Self {
        Self { choices: Vec::new(), weight: 1.0 }
    }

    /// The choices.
    pub fn choices(&self) -> &[u32] {
        &self.choices
    }

    /// The share of all executions that is in it, if all possibilities of a choice weigh the same.
    pub fn weight(&self) -> f64 {
        self.weight
    }
}

/// Cuts all executions within the bound into at least `parts` subtrees, if there are so many executions. Their
/// searches, one after the other, see what one search would see, in its order; so whoever runs them at the same time
/// and puts together what they found in this order gets a result that does not depend on who ran what.
///
/// Each cut takes one execution. If one is interrupted, the subtrees are what they are until then, and are all the
/// same complete.
#[expect(clippy::cast_precision_loss, reason = "a weight")]
pub fn split<S: System>(system: &mut S, bound: Bound, parts: usize, limits: Limits<'_>) -> Vec<Subtree> {
    let mut runner = Runner::default();
    // With each, whether it may have more than one execution.
    let mut subtrees = vec![(Subtree::all(), true)];
    while subtrees.len() < parts && subtrees.iter().any(|(_, open)| *open) {
        let mut next = Vec::new();
        let mut whole = subtrees.into_iter();
        while let Some((subtree, open)) = whole.next() {
            let enough = next.len() + whole.len() + 1 >= parts;
            if !open || enough {
                next.push((subtree, open));
                continue;
            }
            let mut tree = ChoiceTree::new(bound, subtree.choices.clone());
            if runner.run(system, &mut tree, limits, &mut ()) == End::Interrupted {
                next.push((subtree, open));
                next.extend(whole);
                return next.into_iter().map(|(subtree, _)| subtree).collect();
            }
            let children = tree.children();
            if children.is_empty() {
                next.push((subtree, false));
                continue;
            }
            let weight = subtree.weight / children.len() as f64;
            next.extend(children.into_iter().map(|child| {
                let choices = subtree.choices.iter().copied().chain([child]).collect();
                (Subtree { choices, weight }, true)
            }));
        }
        subtrees = next;
    }
    subtrees.into_iter().map(|(subtree, _)| subtree).collect()
}
