//! The dependency graph: who was taken while holding whom (`locks_after`, `locks_before`).

use ringfence_base::{ClassId, Origin, Read};
use ringfence_diag::Silence;
use rustc_hash::FxHashMap;

use crate::class::NONE;
use crate::dependency::{Kind, Kinds};
use crate::pair_map::PairMap;

/// An edge of the graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct EdgeId(pub(crate) u32);

/// Where a dependency was first seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Witness {
    /// Where the left lock had been taken.
    pub(crate) held: Origin,
    /// Where the right lock was taken.
    pub(crate) taken: Origin,
    /// How the left lock was held.
    pub(crate) held_read: Read,
    /// How the right lock was taken.
    pub(crate) taken_read: Read,
}

#[derive(Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) from: ClassId,
    pub(crate) to: ClassId,
    next_out: u32,
    next_in: u32,
    pub(crate) kinds: Kinds,
    /// Why Linux does not have this edge; `None` if it does. A pair of classes has at most one edge of
    /// either sort, so that the order of the edges Linux knows is the order in which it met them.
    pub(crate) unknown_to_kernel: Option<Silence>,
}

/// First and last edge of both adjacency lists of a class.
#[derive(Clone, Copy)]
struct Ends {
    first_out: u32,
    last_out: u32,
    first_in: u32,
    last_in: u32,
}

const NO_ENDS: Ends = Ends { first_out: NONE, last_out: NONE, first_in: NONE, last_in: NONE };

/// Which way a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Forwards,
    Backwards,
}

#[derive(Default)]
pub(crate) struct Graph {
    edges: Vec<Edge>,
    /// Per edge, and apart from it, because only reports need them.
    witnesses: Vec<Witness>,
    ends: Vec<Ends>,
    known: PairMap,
    unknown: PairMap,
    /// Witnesses of the kinds that came after an edge's first.
    later: FxHashMap<(u32, u8), Witness>,
}

fn kind_number(kind: Kind) -> u8 {
    u8::from(kind.exclusive) | u8::from(kind.recursive) << 1
}

impl Graph {
    pub(crate) fn clear(&mut self) {
        self.edges.clear();
        self.witnesses.clear();
        self.ends.clear();
        self.known.clear();
        self.unknown.clear();
        self.later.clear();
    }

    pub(crate) fn add_class(&mut self) {
        self.ends.push(NO_ENDS);
    }

    pub(crate) fn edge(&self, edge: EdgeId) -> &Edge {
        &self.edges[edge.0 as usize]
    }

    pub(crate) fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// All kinds of `from -> to` on record, whoever knows them.
    pub(crate) fn kinds(&self, from: ClassId, to: ClassId) -> Kinds {
        let of = |map: &PairMap| {
            let edge = map.get((from.raw(), to.raw()));
            edge.map_or(Kinds::default(), |edge| self.edges[edge as usize].kinds)
        };
        of(&self.known).union(of(&self.unknown))
    }

    /// Puts `from -> to` on record. True if this pair has a new edge, false if an old one covers it or
    /// only its kinds grew.
    pub(crate) fn add(
        &mut self,
        from: ClassId,
        to: ClassId,
        kind: Kind,
        unknown_to_kernel: Option<Silence>,
        witness: Witness,
    ) -> bool {
        let map = if unknown_to_kernel.is_some() { &mut self.unknown } else { &mut self.known };
        let id = u32::try_from(self.edges.len()).ok().filter(|id| *id != NONE);
        let id = id.expect("engine bug: more than 2^32 dependencies");
        let found = map.get_or_insert((from.raw(), to.raw()), id);
        if found != id {
            let edge = &mut self.edges[found as usize];
            if !edge.kinds.contains(kind.set()) {
                edge.kinds = edge.kinds.union(kind.set());
                self.later.insert((found, kind_number(kind)), witness);
            }
            return false;
        }
        self.edges.push(Edge {
            from,
            to,
            next_out: NONE,
            next_in: NONE,
            kinds: kind.set(),
            unknown_to_kernel,
        });
        self.witnesses.push(witness);
        self.link(id, from, to);
        true
    }

    /// Appends the edge to both adjacency lists: searches go through them in order of insertion.
    fn link(&mut self, id: u32, from: ClassId, to: ClassId) {
        let ends = &mut self.ends[from.index()];
        if ends.first_out == NONE {
            ends.first_out = id;
        } else {
            self.edges[ends.last_out as usize].next_out = id;
        }
        ends.last_out = id;
        let ends = &mut self.ends[to.index()];
        if ends.first_in == NONE {
            ends.first_in = id;
        } else {
            self.edges[ends.last_in as usize].next_in = id;
        }
        ends.last_in = id;
    }

    /// Where this kind of the edge was first seen.
    pub(crate) fn witness(&self, edge: EdgeId, kind: Kind) -> Witness {
        let later = self.later.get(&(edge.0, kind_number(kind)));
        later.copied().unwrap_or(self.witnesses[edge.0 as usize])
    }

    /// The first edge of a class in a direction.
    #[inline]
    pub(crate) fn first(&self, class: ClassId, direction: Direction) -> Option<EdgeId> {
        let ends = &self.ends[class.index()];
        let edge = match direction {
            Direction::Forwards => ends.first_out,
            Direction::Backwards => ends.first_in,
        };
        (edge != NONE).then_some(EdgeId(edge))
    }

    /// The edge after this one, in the list it was met in.
    #[inline]
    pub(crate) fn next(&self, edge: EdgeId, direction: Direction) -> Option<EdgeId> {
        let entry = &self.edges[edge.0 as usize];
        let edge = match direction {
            Direction::Forwards => entry.next_out,
            Direction::Backwards => entry.next_in,
        };
        (edge != NONE).then_some(EdgeId(edge))
    }

    /// The edges of a class in a direction, in order of insertion.
    pub(crate) fn edges(
        &self,
        class: ClassId,
        direction: Direction,
    ) -> impl Iterator<Item = (EdgeId, &Edge)> {
        let mut at = self.first(class, direction);
        core::iter::from_fn(move || {
            let edge = at?;
            at = self.next(edge, direction);
            Some((edge, self.edge(edge)))
        })
    }
}

impl Edge {
    /// The class at the far end.
    #[inline]
    pub(crate) fn far(&self, direction: Direction) -> ClassId {
        match direction {
            Direction::Forwards => self.to,
            Direction::Backwards => self.from,
        }
    }
}
