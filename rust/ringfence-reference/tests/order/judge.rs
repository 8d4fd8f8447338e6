//! Two ways to tell whether dependencies contain a closed walk that can block.

/// While `from` was held, `to` was taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// `from` was held by a reader.
    pub(crate) shared: bool,
    /// `to` was taken by a recursive reader.
    pub(crate) recursive: bool,
}

impl Dependency {
    /// The second waits for what the first waits for.
    fn leads_to(self, next: Self) -> bool {
        self.to == next.from && !(self.recursive && next.shared)
    }
}

/// Whether `new` closes a walk, by trying all walks that use no dependency twice.
pub(crate) fn closes_by_walking(recorded: &[Dependency], new: Dependency) -> bool {
    fn reaches(recorded: &[Dependency], at: Dependency, goal: Dependency, used: &mut Vec<usize>) -> bool {
        if at.leads_to(goal) {
            return true;
        }
        recorded.iter().enumerate().any(|(index, next)| {
            if used.contains(&index) || !at.leads_to(*next) {
                return false;
            }
            used.push(index);
            let found = reaches(recorded, *next, goal, used);
            used.pop();
            found
        })
    }
    reaches(recorded, new, new, &mut Vec::new())
}

/// Whether there is a closed walk at all: take away whatever nothing leads to, from scratch, and see what
/// stays. What is taken away are the ways to stand at a class: arrived by a recursive reader or not.
pub(crate) fn has_closed_walk(classes: usize, dependencies: &[Dependency]) -> bool {
    let state = |class: usize, recursive: bool| 2 * class + usize::from(recursive);
    let mut steps = Vec::new();
    for dependency in dependencies {
        let to = state(dependency.to, dependency.recursive);
        steps.push((state(dependency.from, false), to));
        if !dependency.shared {
            steps.push((state(dependency.from, true), to));
        }
    }
    let mut arrivals = vec![0_u32; 2 * classes];
    let mut leaving = vec![Vec::new(); 2 * classes];
    for (from, to) in &steps {
        arrivals[*to] += 1;
        leaving[*from].push(*to);
    }
    let mut free: Vec<usize> = (0..2 * classes).filter(|at| arrivals[*at] == 0).collect();
    let mut taken_away = 0;
    while let Some(at) = free.pop() {
        taken_away += 1;
        for to in &leaving[at] {
            arrivals[*to] -= 1;
            if arrivals[*to] == 0 {
                free.push(*to);
            }
        }
    }
    taken_away != 2 * classes
}
