//! The dependency graph: who was taken while holding whom (`locks_after`, `locks_before`).

use ringfence_base::{ClassId, Origin, Read};
use ringfence_diag::Silence;
use rustc_hash::FxHashMap;

use crate::class::{Class, NONE};
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
    /// The edge of `from` that came before this one, or [`NONE`].
    older_out: u32,
    /// The edge to `to` that came before this one, or [`NONE`].
    older_in: u32,
    pub(crate) kinds: Kinds,
    /// Why Linux does not have this edge; `None` if it does. A pair of classes has at most one edge of
    /// either sort, so that the order of the edges Linux knows is the order in which it met them.
    pub(crate) unknown_to_kernel: Option<Silence>,
}

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
        self.known.clear();
        self.unknown.clear();
        self.later.clear();
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

    /// Puts `from -> to` on record: a new edge, or a new kind of an old one.
    pub(crate) fn add(
        &mut self,
        classes: &mut [Class],
        from: ClassId,
        to: ClassId,
        kind: Kind,
        unknown_to_kernel: Option<Silence>,
        witness: Witness,
    ) {
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
            return;
        }
        // Put in front, which touches no other edge: searches turn the order round.
        let older_out = core::mem::replace(&mut classes[from.index()].newest_out, id);
        let older_in = core::mem::replace(&mut classes[to.index()].newest_in, id);
        self.edges.push(Edge { from, to, older_out, older_in, kinds: kind.set(), unknown_to_kernel });
        self.witnesses.push(witness);
    }

    /// Where this kind of the edge was first seen.
    pub(crate) fn witness(&self, edge: EdgeId, kind: Kind) -> Witness {
        let later = self.later.get(&(edge.0, kind_number(kind)));
        later.copied().unwrap_or(self.witnesses[edge.0 as usize])
    }

    /// The edges of a class in a direction, newest first.
    pub(crate) fn edges(&self, class: &Class, direction: Direction) -> impl Iterator<Item = (EdgeId, &Edge)> {
        let mut at = class.newest_edge(direction);
        core::iter::from_fn(move || {
            let edge = at?;
            at = self.older(edge, direction);
            Some((edge, self.edge(edge)))
        })
    }

    /// The edge that came before this one, in the list it was met in.
    #[inline]
    pub(crate) fn older(&self, edge: EdgeId, direction: Direction) -> Option<EdgeId> {
        let entry = &self.edges[edge.0 as usize];
        EdgeId::from_link(match direction {
            Direction::Forwards => entry.older_out,
            Direction::Backwards => entry.older_in,
        })
    }
}

impl EdgeId {
    fn from_link(link: u32) -> Option<Self> {
        (link != NONE).then_some(Self(link))
    }
}

impl Class {
    /// The newest edge in a direction.
    #[inline]
    pub(crate) fn newest_edge(&self, direction: Direction) -> Option<EdgeId> {
        EdgeId::from_link(match direction {
            Direction::Forwards => self.newest_out,
            Direction::Backwards => self.newest_in,
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
