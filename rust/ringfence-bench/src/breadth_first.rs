//! What Linux does for every new dependency: a breadth-first search forwards from the inner class, for a
//! circle, and one backwards from the outer class, for uses in interrupts. Without reports, kinds or marks:
//! the bare cost of looking.

/// A graph of classes that is searched as a whole for each new edge.
pub struct BreadthFirst {
    after: Vec<Vec<u32>>,
    before: Vec<Vec<u32>>,
    /// Per class, the search that saw it last.
    seen: Vec<u32>,
    searches: u32,
    queue: Vec<u32>,
    /// Classes visited by all searches.
    pub visited: u64,
    /// New edges that closed a circle.
    pub circles: usize,
}

impl BreadthFirst {
    /// A graph without edges.
    pub fn new(classes: usize) -> Self {
        Self {
            after: vec![Vec::new(); classes],
            before: vec![Vec::new(); classes],
            seen: vec![0; classes],
            searches: 0,
            queue: Vec::new(),
            visited: 0,
            circles: 0,
        }
    }

    /// Takes `inner` inside `outer` for the first time.
    pub fn depend(&mut self, (outer, inner): (u32, u32)) {
        if self.search(true, inner, outer) {
            self.circles += 1;
            return;
        }
        self.search(false, outer, inner);
        self.after[outer as usize].push(inner);
        self.before[inner as usize].push(outer);
    }

    fn search(&mut self, forwards: bool, root: u32, goal: u32) -> bool {
        let edges = if forwards { &self.after } else { &self.before };
        self.searches += 1;
        self.queue.clear();
        self.queue.push(root);
        self.seen[root as usize] = self.searches;
        let mut front = 0;
        while let Some(class) = self.queue.get(front).copied() {
            front += 1;
            if class == goal {
                return true;
            }
            for next in &edges[class as usize] {
                if self.seen[*next as usize] != self.searches {
                    self.seen[*next as usize] = self.searches;
                    self.queue.push(*next);
                }
            }
        }
        self.visited += front as u64;
        false
    }
}
