//! The second judge: who waits for whom once nothing can happen any more.
//!
//! Nodes are the parties that wait: contexts, and rings of GPUs whose oldest work can't go on. An edge leads to a
//! party that could end the wait: who holds the lock, who would signal the fence if it went on. A circle is a
//! deadlock; a wait that nobody left can end is a lost wake-up.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use ringfence_base::{Gfp, Origin, ProgramId, SiteId};

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
    /// Is the ring with the work of this fence.
    Executes(u32),
    /// Would bring the engine to life again.
    Recovers,
}

/// One context, or one ring, that can't go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HangLink {
    /// Its task id; of a ring, a number behind those: see [`World::ring_of_party`].
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
    /// It is in a signalling section, but only strict mode makes it one.
    pub strict: bool,
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
    /// Where that is to be mended, if not where the guilty link waits: where the fence was published that nobody
    /// signals.
    pub fault: Option<Origin>,
    /// Fences that need each other: each the next, the last one the first.
    pub circle: Vec<u32>,
}

/// All hangs of a world in which nothing can happen any more: each circle once, and each wait that nobody can end.
pub fn hangs(plan: &Plan, world: &World) -> Vec<Hang> {
    let graph = Graph::new(plan, world);
    let mut hangs: Vec<Hang> = Vec::new();
    let mut done = BTreeSet::new();
    // A GPU that stands still is nobody's hang but of those who wait for it.
    for node in 0..graph.contexts {
        let Some((kind, path)) = graph.follow(node) else { continue };
        if path.iter().any(|node| done.contains(node)) {
            continue;
        }
        done.extend(path.iter().copied());
        let links: Vec<HangLink> = graph.links(&path, kind);
        let (rule, guilty) = hang_rule(plan, world, kind, &links);
        hangs.push(Hang { kind, links, rule, guilty, fault: None, circle: Vec::new() });
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
    /// Contexts first, then rings.
    nodes: Vec<Node>,
    contexts: usize,
    /// Per party: its node, if it waits.
    of_task: Vec<Option<usize>>,
}

impl<'a> Graph<'a> {
    fn new(plan: &'a Plan, world: &'a World) -> Self {
        let mut nodes = Vec::new();
        let mut of_task = vec![None; world.threads.len()];
        let future = Future::new(plan, world);
        for (task, thread) in world.threads.iter().enumerate() {
            if let State::Blocked(wait) = thread.state {
                of_task[task] = Some(nodes.len());
                nodes.push(Node { task: task as u32, wait, wakers: future.wakers(task as u32, wait) });
            }
        }
        let contexts = nodes.len();
        for ring in 0..world.gpu.rings.len() as u32 {
            let task = world.party_of_ring(ring);
            let node = world.gpu_wait(plan, ring).map(|wait| {
                nodes.push(Node { task, wait, wakers: future.wakers(task, wait) });
                nodes.len() - 1
            });
            of_task.push(node);
        }
        Self { plan, world, nodes, contexts, of_task }
    }

    fn node_of(&self, task: u32) -> Option<usize> {
        *self.of_task.get(task as usize)?
    }

    /// From a waiting context along the first waker that leads anywhere, into a circle or to a dead end.
    fn follow(&self, start: usize) -> Option<(HangKind, Vec<usize>)> {
        if let Some(circle) = self.circle(start) {
            return Some((HangKind::Deadlock, circle));
        }
        // No circle from here: only the dead end itself counts, and whoever waits for it is a consequence. Those
        // who could have ended the wait have returned, or have nothing to do; or they are rings that have got stuck.
        let mut path = vec![start];
        loop {
            let last = path[path.len() - 1];
            let mut waiting = self.nodes[last].wakers.iter().filter_map(|&(task, _)| self.node_of(task));
            let Some(next) = waiting.next() else {
                return Some((HangKind::LostWakeUp, path));
            };
            if next < self.contexts || waiting.any(|other| other < self.contexts) {
                return None;
            }
            path.push(next);
        }
    }

    /// Depth first. Chains may be longer than our own stack is deep.
    fn circle(&self, start: usize) -> Option<Vec<usize>> {
        let mut visited = BTreeSet::from([start]);
        let mut on_path = BTreeSet::from([start]);
        let mut path = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let Some(&(task, _)) = self.nodes[*node].wakers.get(*next) else {
                on_path.remove(node);
                path.pop();
                continue;
            };
            *next += 1;
            let Some(waker) = self.node_of(task) else { continue };
            if on_path.contains(&waker) {
                let circle = path.iter().map(|&(node, _)| node).skip_while(|&node| node != waker);
                return Some(circle.collect());
            }
            if visited.insert(waker) {
                path.push((waker, 0));
                on_path.insert(waker);
            }
        }
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
                cause: match self.world.ring_index(node.task) {
                    Some(ring) => self.world.emitted_at(ring),
                    None => self.world.cause(self.plan, node.task),
                },
                parts: self.world.foreign_parts(self.plan, node.task),
                strict: self.world.threads.get(node.task as usize).is_some_and(|thread| {
                    !thread.sections.is_empty() && thread.sections.iter().all(|section| section.strict)
                }),
            }
        };
        path.iter().enumerate().map(link).collect()
    }
}

/// What every context could still do for others, found out when somebody asks.
struct Future<'a> {
    plan: &'a Plan,
    world: &'a World,
    effects: Vec<OnceCell<BTreeSet<Effect>>>,
    /// Of every ring.
    ring_effects: Vec<OnceCell<BTreeSet<Effect>>>,
}

impl<'a> Future<'a> {
    fn new(plan: &'a Plan, world: &'a World) -> Self {
        let unknown = |count| vec![OnceCell::new(); count];
        let (effects, ring_effects) = (unknown(world.threads.len()), unknown(world.gpu.rings.len()));
        Self { plan, world, effects, ring_effects }
    }

    /// Who could end this wait.
    fn wakers(&self, task: u32, wait: Wait) -> Vec<(u32, Waker)> {
        match wait {
            Wait::Lock { lock, shared } => lock_wakers(self.world, task, lock, shared),
            Wait::Fence(fence) => self.fence_wakers(&[fence]),
            Wait::AnyFence(wait) => self.fence_wakers(&self.world.fences_of_wait(wait)),
            Wait::Completion(index) => self.those_with(task, Waker::Wakes, Effect::Complete(index)),
            Wait::WaitQueue(index) => self.those_with(task, Waker::Wakes, Effect::WakeUp(index)),
            Wait::Syncobj(index) => self.those_with(task, Waker::Submits, Effect::Syncobj(index)),
            Wait::Task(other) => vec![(other, Waker::Itself)],
            Wait::Sleep => Vec::new(),
            Wait::GpuSemaphore(index) => self.those_with(task, Waker::Wakes, Effect::Semaphore(index)),
            Wait::GpuLock(index) => self.ring(self.world.ring_with_lock(index)),
            Wait::Engine(index) => self.ring(self.world.ring_of_engine(index)),
            Wait::Recovery(index) => self.those_with(task, Waker::Recovers, Effect::Recover(index)),
            _ => {
                let runners = self.world.runners(self.plan, wait).into_iter();
                runners
                    .map(|(task, inside)| (task, if inside { Waker::Inside } else { Waker::Runs }))
                    .collect()
            }
        }
    }

    /// Contexts that have not returned, and what they could still do.
    fn all(&self) -> impl Iterator<Item = (u32, &BTreeSet<Effect>)> {
        let alive = |task: &usize| self.world.threads[*task].state != State::Done;
        (0..self.effects.len()).filter(alive).map(|task| {
            let of_task = || effects(self.plan, self.world, task as u32);
            (task as u32, self.effects[task].get_or_init(of_task))
        })
    }

    /// Rings with work on them, and what they could still do.
    fn rings(&self) -> impl Iterator<Item = (u32, &BTreeSet<Effect>)> {
        self.world.busy_rings().map(|ring| {
            let of_ring = || self.world.ring_effects(self.plan, ring);
            (ring, self.ring_effects[ring as usize].get_or_init(of_ring))
        })
    }

    /// A ring that holds what is waited for.
    fn ring(&self, ring: Option<u32>) -> Vec<(u32, Waker)> {
        ring.into_iter().map(|ring| (self.world.party_of_ring(ring), Waker::Holds)).collect()
    }

    /// Whoever waits comes last: that it would do so itself later says least.
    fn those_with(&self, waits: u32, waker: Waker, wanted: Effect) -> Vec<(u32, Waker)> {
        let rings = self.rings().map(|(ring, effects)| (self.world.party_of_ring(ring), effects));
        let able = self.all().chain(rings).filter(|(_, effects)| effects.contains(&wanted));
        let mut able: Vec<(u32, Waker)> = able.map(|(party, _)| (party, waker)).collect();
        able.sort_by_key(|&(party, _)| party == waits);
        able
    }

    /// Who would signal one of these fences, or a fence that they are made of.
    fn fence_wakers(&self, fences: &[u32]) -> Vec<(u32, Waker)> {
        let mut parts = BTreeSet::new();
        let mut todo = fences.to_vec();
        while let Some(fence) = todo.pop() {
            if parts.insert(fence) {
                todo.extend(self.world.fence_parts(fence));
                todo.extend(signaled_by_callback(self.plan, self.world, fence));
            }
        }
        let (mut certain, mut perhaps) = (Vec::new(), Vec::new());
        for (task, effects) in self.all() {
            for effect in effects {
                match *effect {
                    Effect::Signal(Some(fence)) if parts.contains(&fence) => {
                        certain.push((task, Waker::Signals(fence)));
                    }
                    Effect::SwSync(timeline) => {
                        let of = parts.iter().find(|&&fence| self.world.sw_sync_of(fence) == Some(timeline));
                        certain.extend(of.map(|&fence| (task, Waker::Signals(fence))));
                    }
                    Effect::Signal(None) => {
                        perhaps.extend(fences.first().map(|&fence| (task, Waker::MaySignal(fence))));
                    }
                    _ => {}
                }
            }
        }
        let mut wakers = if certain.is_empty() { perhaps } else { certain };
        // A ring signals nothing itself: the handler of its interrupt does.
        wakers.extend(self.rings().filter_map(|(ring, effects)| {
            let signals = |fence: &&u32| effects.contains(&Effect::Signal(Some(**fence)));
            let own = self.world.fence_on_ring(ring, &parts);
            let fence = own.or_else(|| parts.iter().find(signals).copied())?;
            Some((self.world.party_of_ring(ring), Waker::Executes(fence)))
        }));
        wakers
    }
}

/// Who holds the lock; and the first in its queue, who may be in no state to take it: if an interrupt waits for what
/// it interrupted, that is itself. The others in the queue wait for the same.
/// A reader waits for no reader, but for a writer that does.
fn lock_wakers(world: &World, task: u32, lock: u32, shared: bool) -> Vec<(u32, Waker)> {
    let holds = |(holder, thread): (usize, &crate::thread::Thread)| {
        let in_the_way = |held: &crate::thread::Held| held.lock == lock && !(shared && held.shared);
        thread.held.iter().any(in_the_way).then_some((holder as u32, Waker::Holds))
    };
    let mut wakers: Vec<_> = world.threads.iter().enumerate().filter_map(holds).collect();
    let entry = world.locks.get(lock);
    if entry.position_of(task) != Some(0) {
        wakers.extend(entry.waiters.first().map(|waiter| (waiter.task, Waker::Queues)));
    }
    wakers
}

/// Fences with a pending callback that would signal this one.
fn signaled_by_callback(plan: &Plan, world: &World, fence: u32) -> Vec<u32> {
    let pending = world.pending_callbacks(plan).into_iter();
    let signals = |&(of, program): &(u32, ProgramId)| {
        of != fence && program_effects(plan, program).contains(&Effect::Signal(Some(fence)))
    };
    pending.filter(signals).map(|(of, _)| of).collect()
}
