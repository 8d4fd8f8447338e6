//! The programs in interweave, an optimal DPOR. It has no mutex; this one is ours.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use interweave::{
    Atomic, FailureReason, Object, ObjectID, Observer, Step, StepCx, Transition, World, explore,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Acquire,
    Release,
}

struct Request {
    transition: Transition,
    waker: Waker,
    op: Op,
    done: Rc<Cell<bool>>,
}

#[derive(Default)]
struct Inner {
    held: bool,
    /// What each request was, by its number.
    ops: Vec<Op>,
    requests: Vec<Request>,
}

/// A mutex of which only acquisitions depend on each other. interweave reverses immediate races only, and between an
/// acquisition and a later one there would always be the release.
#[derive(Clone)]
struct Lock {
    id: ObjectID,
    inner: Rc<RefCell<Inner>>,
}

impl Lock {
    fn new(id: ObjectID) -> Self {
        Self { id, inner: Rc::default() }
    }

    async fn request(&self, op: Op) {
        let done = Rc::new(Cell::new(false));
        let mut registered = false;
        poll_fn(move |context| {
            if done.get() {
                return Poll::Ready(());
            }
            if !registered {
                registered = true;
                let mut inner = self.inner.borrow_mut();
                let transition = Transition::new(self.id, inner.ops.len());
                inner.ops.push(op);
                let (waker, done) = (context.waker().clone(), Rc::clone(&done));
                inner.requests.push(Request { transition, waker, op, done });
            }
            Poll::Pending
        })
        .await;
    }

    async fn acquire(&self) {
        self.request(Op::Acquire).await;
    }

    async fn release(&self) {
        self.request(Op::Release).await;
    }
}

impl Object for Lock {
    fn apply(&mut self, transition: Transition) {
        let mut inner = self.inner.borrow_mut();
        let position = inner.requests.iter().position(|request| request.transition == transition);
        let request = inner.requests.remove(position.expect("an enabled transition was requested"));
        inner.held = request.op == Op::Acquire;
        request.done.set(true);
        request.waker.wake();
    }

    fn enabled(&self) -> Vec<Transition> {
        let mut out = Vec::new();
        self.enabled_into(&mut out);
        out
    }

    fn enabled_into(&self, out: &mut Vec<Transition>) {
        let inner = self.inner.borrow();
        let possible = |request: &&Request| request.op == Op::Release || !inner.held;
        out.extend(inner.requests.iter().filter(possible).map(|request| request.transition));
    }

    fn label(&self, transition: Transition) -> String {
        match self.inner.borrow().ops[transition.seq()] {
            Op::Acquire => "acquire".into(),
            Op::Release => "release".into(),
        }
    }

    fn depends(&self, a: Transition, b: Transition) -> bool {
        let inner = self.inner.borrow();
        inner.ops[a.seq()] == Op::Acquire && inner.ops[b.seq()] == Op::Acquire
    }
}

#[derive(Default)]
struct Traces(u64);

impl Observer for Traces {
    fn step(&mut self, step: Step<'_>, _: StepCx<'_, '_>) {
        if let Step::Maximal { .. } = step {
            self.0 += 1;
        }
    }
}

/// Executions, and whether the last one ended in a deadlock.
fn count(program: &dyn Fn(&mut World<'_>)) -> (u64, bool) {
    let mut traces = Traces::default();
    let deadlock = match explore(&|world: &mut World<'_>| program(world), &mut traces) {
        Ok(()) => false,
        Err(failed) => matches!(failed.reason(), FailureReason::Deadlock),
    };
    (traces.0, deadlock)
}

fn spawn_nested(world: &mut World<'_>, outer: &Lock, inner: &Lock, counter: &Rc<Cell<u64>>) {
    let (outer, inner, counter) = (outer.clone(), inner.clone(), Rc::clone(counter));
    world.spawn("thread", async move {
        outer.acquire().await;
        inner.acquire().await;
        counter.set(counter.get() + 1);
        inner.release().await;
        outer.release().await;
        Ok(())
    });
}

/// Executions of ordered(n), all of them.
pub fn ordered(threads: usize) -> u64 {
    let (executions, deadlock) = count(&|world| {
        let (a, b) = (world.register("a", Lock::new), world.register("b", Lock::new));
        let counter = Rc::default();
        for _ in 0..threads {
            spawn_nested(world, &a, &b, &counter);
        }
    });
    assert!(!deadlock, "there is none");
    executions
}

/// Executions of abba up to its deadlock.
pub fn abba() -> Option<u64> {
    let (executions, deadlock) = count(&|world| {
        let (a, b) = (world.register("a", Lock::new), world.register("b", Lock::new));
        let counter = Rc::default();
        spawn_nested(world, &a, &b, &counter);
        spawn_nested(world, &b, &a, &counter);
    });
    deadlock.then_some(executions)
}

/// Executions of own(n), all of them.
pub fn own(threads: usize) -> u64 {
    let (executions, _) = count(&|world| {
        for number in 0..threads {
            let lock = world.register(format!("own{number}"), Lock::new);
            world.spawn("thread", async move {
                lock.acquire().await;
                lock.release().await;
                Ok(())
            });
        }
    });
    executions
}

/// Executions of lastzero(n), all of them.
pub fn lastzero(n: usize) -> u64 {
    let (executions, _) = count(&|world| {
        let cells: Vec<Atomic<i64>> = (0..=n).map(|cell| world.atomic(format!("a{cell}"), 0)).collect();
        let scanned = cells.clone();
        world.spawn("reader", async move {
            let mut at = n;
            while scanned[at].load().await != 0 && at > 0 {
                at -= 1;
            }
            Ok(())
        });
        for number in 1..=n {
            let (before, own) = (cells[number - 1].clone(), cells[number].clone());
            world.spawn(format!("writer{number}"), async move {
                let value = before.load().await;
                own.store(value + 1).await;
                Ok(())
            });
        }
    });
    executions
}
