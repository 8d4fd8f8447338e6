//! The second judge: who waits for whom once nothing can happen any more.
//!
//! Nodes are the contexts that wait. An edge leads to a context that could end the wait: who holds the lock, who
//! would signal the fence if it went on. A circle is a deadlock; a wait that nobody left can end is a lost wake-up.

use ringfence_base::{Gfp, ProgramId, SiteId};

use crate::judge::effects::{Effect, effects, program_effects};
use crate::judge::hang_rule::hang_rule;
use crate::plan::Plan;
use crate::thread::State;
use crate::wait::Wait;
use crate::world::World;

/// How somebody could end a wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Waker {
    /// Holds the lock.
    Holds,
    /// Is before in the queue of the lock.
    Queues,
    /// Would signal this fence, which the wait is for or needs.
    Signals(u32),
    /// Would signal some fence, perhaps this one.
    MaySignal(u32),
    /// Would give the syncobj a fence.
    Submits,
    /// Would complete the completion, or wake the queue.
    Wakes,
    /// Runs what the wait is for, or has to run it.
    Runs,
    /// Is inside the section (RCU reader, invalidation) that must end.
    Inside,
    /// Is the thread whose return is waited for.
    Itself,
}

/// One context that can't go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HangLink {
    /// Its task id.
    pub task: u32,
    /// What it waits for.
    pub wait: Wait,
    /// Who could end that, and how: the next link of the chain.
    pub waker: Option<Waker>,
    /// Others that could end it, but can't go on either.
    pub others: Vec<u32>,
    /// The mask of the allocation in which it reclaims memory, if it does.
    pub reclaiming: Option<Gfp>,
    /// The operation that got it here: the allocation, if it reclaims.
    pub cause: SiteId,
    /// Parts of the environment whose code it runs.
    pub parts: Vec<&'static str>,
}

/// What sort of hang it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HangKind {
    /// A circle: each waits for the next, the last for the first.
    Deadlock,
    /// The last link waits for something that nobody left would do.
    LostWakeUp,
}

/// A hang.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hang {
    /// Circle or dead end.
    pub kind: HangKind,
    /// The chain.
    pub links: Vec<HangLink>,
    /// The rule that is broken, as special as the chain allows.
    pub rule: &'static str,
    /// Which link is at fault.
    pub guilty: usize,
}

/// All hangs of a world in which nothing can happen any more: each circle once, and each wait that nobody can end.
pub fn hangs(plan: &Plan, world: &World) -> Vec<Hang> {
    let graph = Graph::new(plan, world);
    let mut hangs: Vec<Hang> = Vec::new();
    let mut done: Vec<u32> = Vec::new();
    for node in 0..graph.nodes.len() {
        let Some((kind, path)) = graph.follow(node) else { continue };
        if path.iter().any(|&node| done.contains(&graph.nodes[node].task)) {
            continue;
        }
        done.extend(path.iter().map(|&node| graph.nodes[node].task));
        let links: Vec<HangLink> = graph.links(&path, kind);
        let (rule, guilty) = hang_rule(plan, world, kind, &links);
        hangs.push(Hang { kind, links, rule, guilty });
    }
    hangs
}

struct Node {
    task: u32,
    wait: Wait,
    /// Contexts that could end the wait, most certain first.
    wakers: Vec<(u32, Waker)>,
}

struct Graph<'a> {
    plan: &'a Plan,
    world: &'a World,
    nodes: Vec<Node>,
}

impl<'a> Graph<'a> {
    fn new(plan: &'a Plan, world: &'a World) -> Self {
        let mut nodes = Vec::new();
        for (task, thread) in world.threads.iter().enumerate() {
            if let State::Blocked(wait) = thread.state {
                nodes.push(Node { task: task as u32, wait, wakers: wakers(plan, world, task as u32, wait) });
            }
        }
        Self { plan, world, nodes }
    }

    fn node_of(&self, task: u32) -> Option<usize> {
        self.nodes.iter().position(|node| node.task == task)
    }

    /// From a waiting context along the first waker that leads anywhere, into a circle or to a dead end. Depth
    /// first, so that a circle is found if there is one.
    fn follow(&self, start: usize) -> Option<(HangKind, Vec<usize>)> {
        let mut visited = vec![false; self.nodes.len()];
        let mut path = Vec::new();
        if let Some(circle) = self.circle(start, &mut visited, &mut path) {
            return Some((HangKind::Deadlock, circle));
        }
        // No circle from here: only the dead end itself counts, and whoever waits for it is a consequence. Those
        // who could have ended the wait have returned, or have nothing to do.
        let dead_end = self.nodes[start].wakers.iter().all(|&(task, _)| self.node_of(task).is_none());
        dead_end.then(|| (HangKind::LostWakeUp, vec![start]))
    }

    fn circle(&self, node: usize, visited: &mut [bool], path: &mut Vec<usize>) -> Option<Vec<usize>> {
        if let Some(position) = path.iter().position(|&known| known == node) {
            return Some(path[position..].to_vec());
        }
        if std::mem::replace(&mut visited[node], true) {
            return None;
        }
        path.push(node);
        for &(task, _) in &self.nodes[node].wakers {
            if let Some(next) = self.node_of(task)
                && let Some(circle) = self.circle(next, visited, path)
            {
                return Some(circle);
            }
        }
        path.pop();
        None
    }

    fn links(&self, path: &[usize], kind: HangKind) -> Vec<HangLink> {
        let next = |position: usize| match (path.get(position + 1), kind) {
            (Some(&next), _) => Some(self.nodes[next].task),
            (None, HangKind::Deadlock) => Some(self.nodes[path[0]].task),
            (None, HangKind::LostWakeUp) => None,
        };
        let link = |(position, &node): (usize, &usize)| {
            let node = &self.nodes[node];
            let next = next(position);
            let waker = node.wakers.iter().find(|(task, _)| Some(*task) == next).map(|(_, waker)| *waker);
            let mut others: Vec<u32> = node.wakers.iter().map(|(task, _)| *task).collect();
            others.retain(|task| Some(*task) != next && *task != node.task);
            others.sort_unstable();
            others.dedup();
            HangLink {
                task: node.task,
                wait: node.wait,
                waker,
                others,
                reclaiming: self.world.reclaiming(node.task),
                cause: self.world.cause(self.plan, node.task),
                parts: self.world.foreign_parts(self.plan, node.task),
            }
        };
        path.iter().enumerate().map(link).collect()
    }
}

/// Who could end this wait.
fn wakers(plan: &Plan, world: &World, task: u32, wait: Wait) -> Vec<(u32, Waker)> {
    match wait {
        Wait::Lock { lock, shared } => lock_wakers(world, task, lock, shared),
        Wait::Fence(fence) => fence_wakers(plan, world, &[fence]),
        Wait::AnyFence(wait) => fence_wakers(plan, world, &world.fences_of_wait(wait)),
        Wait::Completion(index) => those_with(plan, world, Waker::Wakes, |e| *e == Effect::Complete(index)),
        Wait::WaitQueue(index) => those_with(plan, world, Waker::Wakes, |e| *e == Effect::WakeUp(index)),
        Wait::Syncobj(index) => those_with(plan, world, Waker::Submits, |e| *e == Effect::Syncobj(index)),
        Wait::Task(other) => vec![(other, Waker::Itself)],
        Wait::Sleep => Vec::new(),
        _ => world
            .runners(plan, wait)
            .into_iter()
            .map(|(task, inside)| (task, if inside { Waker::Inside } else { Waker::Runs }))
            .collect(),
    }
}

/// Who holds the lock, and who is before in its queue. A reader waits for no reader, but for a writer that does.
fn lock_wakers(world: &World, task: u32, lock: u32, shared: bool) -> Vec<(u32, Waker)> {
    let holds = |(holder, thread): (usize, &crate::thread::Thread)| {
        let in_the_way = |held: &crate::thread::Held| held.lock == lock && !(shared && held.shared);
        thread.held.iter().any(in_the_way).then_some((holder as u32, Waker::Holds))
    };
    let mut wakers: Vec<_> = world.threads.iter().enumerate().filter_map(holds).collect();
    let before = world.locks.get(lock).waiters.iter().take_while(|waiter| waiter.task != task);
    wakers.extend(before.map(|waiter| (waiter.task, Waker::Queues)));
    wakers
}

/// Contexts that could still have this effect.
fn those_with(
    plan: &Plan,
    world: &World,
    waker: Waker,
    wanted: impl Fn(&Effect) -> bool,
) -> Vec<(u32, Waker)> {
    let mut found = Vec::new();
    for task in 0..world.threads.len() as u32 {
        if world.threads[task as usize].state != State::Done && effects(plan, world, task).iter().any(&wanted)
        {
            found.push((task, waker));
        }
    }
    found
}

/// Fences with a pending callback that would signal this one.
fn signaled_by_callback(plan: &Plan, world: &World, fence: u32) -> Vec<u32> {
    let pending = world.pending_callbacks(plan).into_iter();
    let signals = |&(of, program): &(u32, ProgramId)| {
        of != fence && program_effects(plan, program).contains(&Effect::Signal(Some(fence)))
    };
    pending.filter(signals).map(|(of, _)| of).collect()
}

/// Who would signal one of these fences, or a fence that they are made of.
fn fence_wakers(plan: &Plan, world: &World, fences: &[u32]) -> Vec<(u32, Waker)> {
    let mut parts: Vec<u32> = Vec::new();
    let mut todo = fences.to_vec();
    while let Some(fence) = todo.pop() {
        if !parts.contains(&fence) {
            parts.push(fence);
            todo.extend(world.fence_parts(fence));
            todo.extend(signaled_by_callback(plan, world, fence));
        }
    }
    let (mut certain, mut perhaps) = (Vec::new(), Vec::new());
    for task in 0..world.threads.len() as u32 {
        if world.threads[task as usize].state == State::Done {
            continue;
        }
        for effect in effects(plan, world, task) {
            match effect {
                Effect::Signal(Some(fence)) if parts.contains(&fence) => {
                    certain.push((task, Waker::Signals(fence)));
                }
                Effect::SwSync(timeline) => {
                    let of = parts.iter().find(|&&fence| world.sw_sync_of(fence) == Some(timeline));
                    certain.extend(of.map(|&fence| (task, Waker::Signals(fence))));
                }
                Effect::Signal(None) => perhaps.extend(parts.first().map(|&f| (task, Waker::MaySignal(f)))),
                _ => {}
            }
        }
    }
    if certain.is_empty() { perhaps } else { certain }
}
