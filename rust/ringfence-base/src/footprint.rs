//! What a step touches of what parties share: all that partial order reduction knows of it.

/// How a step uses a resource.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Access {
    /// Its outcome depends on the resource, which stays as it is.
    Read,
    /// It changes the resource, or may.
    Write,
    /// It takes an exclusive lock that was free: never possible while another party holds it.
    Acquire,
    /// It gives back what it has taken by [`Access::Acquire`].
    Release,
    /// It finds an exclusive lock taken, and does nothing but wait for it: nobody sees that.
    Wait,
}

impl Access {
    /// Two steps of different parties that use one resource like this may not be swapped.
    #[inline]
    pub const fn conflicts(self, other: Self) -> bool {
        !matches!((self, other), (Self::Read | Self::Wait, Self::Read | Self::Wait))
    }

    /// Whether, of two steps that conflict, `later` could have come first: what is released was taken before, so
    /// neither can an acquisition come before the release that made it possible, nor the other way round.
    #[inline]
    pub const fn reversible(self, later: Self) -> bool {
        !matches!(
            (self, later),
            (Self::Release, Self::Acquire | Self::Wait | Self::Release)
                | (Self::Acquire | Self::Wait, Self::Release)
        )
    }
}

/// One resource that a step uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Use {
    /// A number that the system gives to the resource: small, and the same in every execution.
    pub resource: u32,
    /// How.
    pub access: Access,
}

/// All resources that one step uses. Steps of different parties whose footprints do not conflict can be swapped, and
/// nobody sees a difference.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Footprint {
    /// Each resource at most once for each way of access.
    pub uses: Vec<Use>,
    /// It could only happen because nothing else could: everything before it stays before it, everything behind it
    /// behind it.
    pub barrier: bool,
    /// It would be the same whatever the other parties had done before: the uses are determined by the party's own
    /// state, apart from whether a lock is had ([`Access::Acquire`]) or waited for ([`Access::Wait`]).
    pub fixed: bool,
}

impl Footprint {
    /// Nothing.
    pub fn clear(&mut self) {
        self.uses.clear();
        self.barrier = false;
        self.fixed = false;
    }

    /// One more use.
    #[inline]
    pub fn add(&mut self, resource: u32, access: Access) {
        let one = Use { resource, access };
        if !self.uses.contains(&one) {
            self.uses.push(one);
        }
    }

    /// Whether the two steps may not be swapped.
    pub fn conflicts(&self, other: &Self) -> bool {
        let clash =
            |a: &Use| other.uses.iter().any(|b| a.resource == b.resource && a.access.conflicts(b.access));
        self.barrier || other.barrier || self.uses.iter().any(clash)
    }
}
