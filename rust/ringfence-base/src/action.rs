//! What can happen next in a system.

/// One atomic transition that a system can take; what an explorer chooses among. Two steps with the same action are
/// steps of the same party: of one party, at most one step can come next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// The next step of this context.
    Run(u32),
    /// A pending interrupt arrives.
    Interrupt {
        /// Index of its source in the plan.
        source: u32,
        /// The context it arrives on.
        host: u32,
    },
    /// Virtual time moves on to the earliest timed event, which happens.
    Expire,
}
