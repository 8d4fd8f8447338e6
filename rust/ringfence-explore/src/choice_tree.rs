//! The tree of all choices, of which every execution is a branch.

use ringfence_base::{Action, ChoiceKind, Decide};

use crate::strategy::Strategy;

/// Which part of all schedules is searched. What is decided besides the schedule is never bounded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Bound {
    /// All of them.
    #[default]
    None,
    /// Those in which a party that could have gone on is left for another at most so many times (Musuvathi and
    /// Qadeer, "Iterative context bounding for systematic testing of multithreaded programs", PLDI 2007).
    Preemptions(u32),
    /// Those that a deterministic scheduler makes that is told at most so many times to pass over the party that it
    /// would take: it lets a party go on, then the next one in turn (Emmi, Qadeer and Rakamarić, "Delay-bounded
    /// scheduling", POPL 2011).
    Delays(u32),
}

impl Bound {
    /// How many deviations there may be.
    fn deviations(self) -> u32 {
        match self {
            Self::None => u32::MAX,
            Self::Preemptions(count) | Self::Delays(count) => count,
        }
    }
}

/// One choice on the branch.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Of the possibilities, in their order of deviation from the ordinary one, which is taken.
    rank: u32,
    /// How many of them are within the bound.
    within: u32,
    /// The ordinary one; the others follow in turn.
    first: u32,
    /// How many there are.
    options: u32,
    /// Deviations that were left before it.
    left: u32,
    /// What each further possibility costs, besides the ordinary one.
    price: Price,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Price {
    Nothing,
    /// One, whichever it is.
    Preemption,
    /// One for each that is passed over.
    Delay,
}

impl Point {
    /// The number of the possibility, as the execution knows it.
    #[inline]
    fn choice(self) -> u32 {
        let turned = self.first + self.rank;
        if turned < self.options { turned } else { turned - self.options }
    }

    #[inline]
    fn cost(self) -> u32 {
        match self.price {
            Price::Nothing => 0,
            Price::Preemption => u32::from(self.rank != 0),
            Price::Delay => self.rank,
        }
    }
}

/// A branch of the tree, and where the next one leaves it. As a strategy it follows the branch, and beyond its end
/// does what is ordinary.
#[derive(Clone, Debug)]
pub(crate) struct ChoiceTree {
    bound: Bound,
    points: Vec<Point>,
    /// The choices that all branches share, being those of a subtree.
    prefix: Vec<u32>,
    /// How many choices of the branch were followed.
    at: usize,
    /// Deviations that are left there.
    left: u32,
    current: Option<Action>,
    /// A possibility was left out because of the bound.
    cut: bool,
    /// There is no further branch.
    exhausted: bool,
}

impl ChoiceTree {
    pub(crate) fn new(bound: Bound, prefix: Vec<u32>) -> Self {
        Self {
            bound,
            points: Vec::new(),
            prefix,
            at: 0,
            left: bound.deviations(),
            current: None,
            cut: false,
            exhausted: false,
        }
    }

    /// Back to the first step.
    pub(crate) fn restart(&mut self) {
        self.at = 0;
        self.left = self.bound.deviations();
        self.current = None;
    }

    /// Back to where `at` choices have been followed and the next thing to do is a choice that is on the branch.
    pub(crate) fn rewind(&mut self, at: usize) {
        self.at = at;
        self.left = self.points[at].left;
    }

    /// How many choices were followed.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// How many choices are on the branch.
    #[inline]
    pub(crate) fn length(&self) -> usize {
        self.points.len()
    }

    /// The next choice is a new one.
    #[inline]
    pub(crate) fn is_new(&self) -> bool {
        self.at == self.points.len()
    }

    /// The latest choice could still be made otherwise.
    #[inline]
    pub(crate) fn forks(&self) -> bool {
        self.at > self.prefix.len() && self.points[self.at - 1].within > 1
    }

    /// Deviations of the branch.
    pub(crate) fn spent(&self) -> u32 {
        self.bound.deviations() - self.left
    }

    pub(crate) fn cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// On to the next branch. Returns how many choices both have in common; none if there is no next one.
    pub(crate) fn advance(&mut self) -> Option<usize> {
        // The bound on steps may have come nearer since the branch was begun.
        self.points.truncate(self.at);
        while self.points.len() > self.prefix.len() {
            let last = self.points.len() - 1;
            let point = &mut self.points[last];
            if point.rank + 1 < point.within {
                point.rank += 1;
                return Some(last);
            }
            self.points.pop();
        }
        self.exhausted = true;
        None
    }

    /// The share of the subtree that lies before the present branch, if all possibilities of a choice weigh the same.
    pub(crate) fn share(&self) -> f64 {
        if self.exhausted {
            return 1.0;
        }
        let (mut share, mut weight) = (0.0, 1.0);
        for point in self.points.iter().skip(self.prefix.len()) {
            weight /= f64::from(point.within);
            share += f64::from(point.rank) * weight;
        }
        share
    }

    /// The numbers of the possibilities of the first choice behind the prefix, in order; none if there is no such
    /// choice on the branch.
    pub(crate) fn children(&self) -> Vec<u32> {
        let first = self.points.get(self.prefix.len());
        first.map_or_else(Vec::new, |point| {
            (0..point.within).map(|rank| Point { rank, ..*point }.choice()).collect()
        })
    }

    pub(crate) fn memory(&self) -> u64 {
        (self.points.capacity() * size_of::<Point>()) as u64
    }

    /// Follows the branch, or prolongs it by the choice that `new` describes.
    #[inline]
    fn take(&mut self, new: impl FnOnce(&Self) -> Point) -> Point {
        if self.is_new() {
            let mut point = new(self);
            if let Some(&choice) = self.prefix.get(self.at) {
                let ranks = (0..point.within).map(|rank| Point { rank, ..point });
                let same = ranks.into_iter().find(|point| point.choice() == choice);
                point = same.expect("engine bug: a subtree of another system");
            }
            self.cut |= point.within < point.options;
            self.points.push(point);
        }
        let point = self.points[self.at];
        self.at += 1;
        self.left = point.left - point.cost();
        point
    }

    /// A choice among actions.
    fn point(&self, actions: &[Action]) -> Point {
        let options = actions.len() as u32;
        let going_on = self.current.and_then(|current| actions.iter().position(|action| *action == current));
        let in_turn = || actions.iter().position(|action| Some(*action) > self.current).unwrap_or(0);
        let first = going_on.unwrap_or_else(in_turn) as u32;
        let left = self.left;
        let (price, within) = match self.bound {
            Bound::Preemptions(_) if going_on.is_some() => {
                (Price::Preemption, if left == 0 { 1 } else { options })
            }
            Bound::Delays(_) => (Price::Delay, options.min(left.saturating_add(1))),
            Bound::None | Bound::Preemptions(_) => (Price::Nothing, options),
        };
        Point { rank: 0, within, first, options, left, price }
    }
}

impl Decide for ChoiceTree {
    #[inline]
    fn decide(&mut self, _: ChoiceKind, options: usize) -> usize {
        let options = options as u32;
        let new = |tree: &Self| Point {
            rank: 0,
            within: options,
            first: 0,
            options,
            left: tree.left,
            price: Price::Nothing,
        };
        self.take(new).rank as usize
    }
}

impl Strategy for ChoiceTree {
    #[inline]
    fn schedule(&mut self, actions: &[Action]) -> usize {
        let pick = self.take(|tree| tree.point(actions)).choice() as usize;
        self.current = Some(actions[pick]);
        pick
    }

    #[inline]
    fn follow(&mut self, action: Action) {
        self.current = Some(action);
    }
}
