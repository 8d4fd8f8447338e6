//! Which classes are used in interrupts, and which are held with interrupts on.

use crate::held::Class;
use crate::walks::End;

/// One way a class was used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    /// About soft irqs; else about hard ones.
    pub(crate) soft: bool,
    /// Held while the irq was on; else taken in the irq.
    pub(crate) enabled: bool,
    /// By a reader.
    pub(crate) read: bool,
}

impl Use {
    /// The use that must not meet this one, by writers or by readers.
    pub(crate) fn opposite(self, read: bool) -> Self {
        Self { enabled: !self.enabled, read, ..self }
    }
}

/// All uses seen so far.
#[derive(Default)]
pub(crate) struct Uses(Vec<(Class, Use)>);

impl Uses {
    pub(crate) fn has(&self, class: Class, usage: Use) -> bool {
        self.0.contains(&(class, usage))
    }

    pub(crate) fn add(&mut self, class: Class, usage: Use) {
        self.0.push((class, usage));
    }

    /// Used in this way by writers, or by readers if the end is one where readers count.
    pub(crate) fn at_end(&self, end: End, soft: bool, enabled: bool) -> bool {
        let has = |read| self.has(end.class, Use { soft, enabled, read });
        has(false) || (!end.weak && has(true))
    }
}
