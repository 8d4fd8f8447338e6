//! What tells one scenario from another, across processes and edits of its source.

use super::{Scenario, Stmt};
use crate::{Digest, SiteId};

/// Which scenario it is. Where its parts are in the source is no part of it, so that moving code changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// Of its name: 16 bits.
    pub name: u16,
    /// Of everything else.
    pub content: Digest,
}

impl Scenario {
    /// Which scenario it is.
    pub fn identity(&self) -> Identity {
        Identity {
            name: Digest::of(&self.name).to_bits() as u16,
            content: Digest::of(&self.without_places().to_json()),
        }
    }

    /// The same without its name, and without its places in the source.
    fn without_places(&self) -> Self {
        let mut scenario = Self { name: String::new(), sites: Vec::new(), ..self.clone() };
        for object in &mut scenario.objects {
            object.at = SiteId::UNKNOWN;
        }
        for program in &mut scenario.programs {
            forget_places(&mut program.body);
        }
        for thread in &mut scenario.threads {
            thread.at = SiteId::UNKNOWN;
        }
        scenario
    }
}

/// As deep as a scenario may nest.
fn forget_places(block: &mut [Stmt]) {
    for stmt in block {
        match stmt {
            Stmt::Op(operation) => operation.at = SiteId::UNKNOWN,
            Stmt::If { then, otherwise, at, .. } => {
                *at = SiteId::UNKNOWN;
                forget_places(then);
                forget_places(otherwise);
            }
            Stmt::Loop { body, at } => {
                *at = SiteId::UNKNOWN;
                forget_places(body);
            }
            Stmt::Break { at } | Stmt::Continue { at } | Stmt::Return { at, .. } => *at = SiteId::UNKNOWN,
        }
    }
}
