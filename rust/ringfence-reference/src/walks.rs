//! Dependencies, and all strong walks along them.

use crate::held::Class;

/// One way in which `to` was taken while `from` was held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) from: Class,
    pub(crate) to: Class,
    /// `from` was held by a reader (S); else exclusively (E).
    pub(crate) shared: bool,
    /// `to` was taken by a recursive reader (R); else by anybody who may block (N).
    pub(crate) recursive: bool,
}

/// Which way a walk goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Forwards,
    Backwards,
}

/// Where a walk stands. At a weak end (forwards R, backwards S) it does not go on along every dependency.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) class: Class,
    pub(crate) weak: bool,
}

/// All dependencies seen so far.
#[derive(Default)]
pub(crate) struct Dependencies(Vec<Dependency>);

impl Dependencies {
    pub(crate) fn add(&mut self, dependency: Dependency) {
        // The same one twice makes no new walk, only more to enumerate.
        if !self.0.contains(&dependency) {
            self.0.push(dependency);
        }
    }

    /// Calls `visit` with the end and the length of every strong walk from `start`, the empty one included,
    /// that never stands twice at the same end. A walk that does has a shorter one to the same end, so
    /// nothing is lost. Classes that `skip` names are neither visited nor passed.
    pub(crate) fn walk(
        &self,
        direction: Direction,
        start: End,
        skip: &dyn Fn(Class) -> bool,
        visit: &mut dyn FnMut(End, usize),
    ) {
        self.walk_on(direction, start, skip, visit, &mut Vec::new());
    }

    fn walk_on(
        &self,
        direction: Direction,
        at: End,
        skip: &dyn Fn(Class) -> bool,
        visit: &mut dyn FnMut(End, usize),
        before: &mut Vec<End>,
    ) {
        if before.contains(&at) || skip(at.class) {
            return;
        }
        visit(at, before.len());
        before.push(at);
        for dependency in &self.0 {
            // R followed by S blocks nobody: the recursive reader gets in beside the reader.
            let (here, clashes, next) = match direction {
                Direction::Forwards => {
                    let next = End { class: dependency.to, weak: dependency.recursive };
                    (dependency.from, dependency.shared, next)
                }
                Direction::Backwards => {
                    let next = End { class: dependency.from, weak: dependency.shared };
                    (dependency.to, dependency.recursive, next)
                }
            };
            if here == at.class && !(at.weak && clashes) {
                self.walk_on(direction, next, skip, visit, before);
            }
        }
        before.pop();
    }

    /// Length of the shortest walk that `new` would close, not counting `new` itself.
    pub(crate) fn closes(&self, new: Dependency) -> Option<usize> {
        let start = End { class: new.to, weak: new.recursive };
        let mut shortest: Option<usize> = None;
        self.walk(Direction::Forwards, start, &|_| false, &mut |end, length| {
            if end.class == new.from && !(end.weak && new.shared) {
                shortest = Some(shortest.map_or(length, |known| known.min(length)));
            }
        });
        shortest
    }
}
