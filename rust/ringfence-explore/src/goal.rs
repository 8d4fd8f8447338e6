//! Where a directed search goes: a predicted cycle, as places.

use ringfence_base::SiteId;

/// How a leg goes on once it has its hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Then {
    /// It takes, at this place, what the next leg holds. It would get it if it came too early.
    Takes(SiteId),
    /// It waits, at this place, for what only the next leg can bring about: it may be there early.
    Waits(SiteId),
    /// An interrupt arrives on top of it, which takes what the next leg holds.
    Interrupted,
}

/// One context of a cycle: what it holds, and what it goes on to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Leg {
    /// Where it got what the leg before waits for; `None` if that is not known.
    pub hold: Option<SiteId>,
    /// Where it waits for the next leg.
    pub then: Then,
    /// The context that is known to come this way. Others may, too.
    pub context: Option<u32>,
}

/// A predicted cycle: each leg waits for the next one, the last for the first. A goal with a single leg and no hold
/// names nobody else: whoever comes to that place is held back until all others are blocked or done.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Goal {
    /// In the order of the cycle; at least one.
    legs: Vec<Leg>,
}

impl Goal {
    /// Towards these legs; `None` if there are none.
    pub fn new(legs: Vec<Leg>) -> Option<Self> {
        (!legs.is_empty()).then_some(Self { legs })
    }

    /// Nobody is known but who comes to this place, and at best which context that was.
    pub fn place(site: SiteId, context: Option<u32>) -> Self {
        Self { legs: vec![Leg { hold: None, then: Then::Takes(site), context }] }
    }

    /// The legs, each before the one that it waits for.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The leg that this one waits for.
    pub(crate) fn next(&self, leg: usize) -> Leg {
        self.legs[(leg + 1) % self.legs.len()]
    }

    /// Something happens in an interrupt.
    pub(crate) fn interrupts(&self) -> bool {
        self.legs.iter().any(|leg| leg.then == Then::Interrupted)
    }

    /// One of its places.
    pub(crate) fn names(&self, site: SiteId) -> bool {
        let at = |leg: &Leg| {
            leg.hold == Some(site)
                || matches!(leg.then, Then::Takes(then) | Then::Waits(then) if then == site)
        };
        site != SiteId::UNKNOWN && self.legs.iter().any(at)
    }

    /// Its contexts, as far as they are known.
    pub(crate) fn knows(&self, context: u32) -> Option<usize> {
        self.legs.iter().position(|leg| leg.context == Some(context))
    }
}
