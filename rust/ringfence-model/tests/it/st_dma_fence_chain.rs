//! What the kernel's own self-test of chains expects (`drivers/dma-buf/st-dma-fence-chain.c`), by the same names.

use ringfence_base::Ordinary;
use ringfence_base::errno::EINVAL;
use ringfence_base::scenario::Op;
use ringfence_model::Value;

use crate::fences::{Mock, Random, broken};

/// Nodes of the long chains.
const CHAIN_SZ: usize = 2048;

struct Chains {
    mock: Mock,
    fences: Vec<Value>,
    nodes: Vec<Value>,
}

impl Chains {
    /// A chain of so many nodes, each with a fence of its own, all enabled.
    fn new(count: usize, tasks: usize, seqno: impl Fn(usize) -> i64) -> Self {
        let mut mock = Mock::new(1, tasks);
        let (mut fences, mut nodes) = (Vec::new(), Vec::new());
        let mut tail = Value::Null;
        for number in 0..count {
            let fence = mock.fence();
            let (prev, contained) = (mock.get(tail), mock.get(fence));
            tail = mock.chain(prev, contained, seqno(number));
            mock.enable(tail);
            fences.push(fence);
            nodes.push(tail);
        }
        Self { mock, fences, nodes }
    }

    fn tail(&self) -> Value {
        *self.nodes.last().expect("there are nodes")
    }

    /// `dma_fence_chain_find_seqno()` from a node on: result, and what was found. The reference to it is dropped.
    fn find(&mut self, from: Value, seqno: i64) -> (i64, Value) {
        self.mock.get(from);
        let result = self.mock.number(Op::DmaFenceChainFindSeqno, &[from, Value::Int(seqno)]);
        let found = self.mock.call(Op::DmaFenceChainFound, &[]);
        self.mock.put(found);
        (result, found)
    }

    /// Everything is signaled and put; nothing is left, and no rule was broken.
    fn fini(mut self) {
        for &fence in &self.fences {
            self.mock.signal(fence);
            self.mock.put(fence);
        }
        for &chain in &self.nodes {
            self.mock.put(chain);
        }
        let freed = self.mock.freed();
        for fence in self.fences.iter().chain(&self.nodes).filter_map(|fence| fence.index()) {
            assert!(freed.contains(&fence), "fence {fence} leaks");
        }
        let broken = self.mock.broken();
        assert!(broken.iter().all(|&rule| rule == "RF501"), "{broken:?}");
    }
}

const INC: fn(usize) -> i64 = |number| number as i64 + 1;

#[test]
fn sanitycheck() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.get(fence);
    let chain = mock.chain(Value::Null, fence, 1);
    mock.enable(chain);
    mock.signal(fence);
    mock.put(fence);
    mock.put(chain);
    assert!(mock.is_freed(fence) && mock.is_freed(chain));
    assert!(mock.broken().is_empty());
}

#[test]
fn find_seqno() {
    let mut chains = Chains::new(64, 1, INC);
    let tail = chains.tail();
    assert_eq!(chains.find(tail, 0), (0, tail));
    for number in 0..64 {
        let node = chains.nodes[number];
        let seqno = number as i64 + 1;
        assert_eq!(chains.find(tail, seqno), (0, node));
        assert_eq!(chains.find(node, seqno), (0, node), "finding itself");
        assert_eq!(chains.find(node, seqno + 1), (-EINVAL, node), "a future one");
        let before = if number == 0 { node } else { chains.nodes[number - 1] };
        assert_eq!(chains.find(node, seqno - 1), (0, before), "the one before");
    }
    chains.fini();
}

#[test]
fn find_signaled() {
    let mut chains = Chains::new(2, 1, INC);
    chains.mock.signal(chains.fences[0]);
    let (result, found) = chains.find(chains.tail(), 1);
    assert_eq!(result, 0);
    assert!(found == Value::Null || found == chains.nodes[0]);
    chains.fini();
}

#[test]
fn find_out_of_order() {
    let mut chains = Chains::new(3, 1, INC);
    chains.mock.signal(chains.fences[1]);
    // All up to the second must be waited for; the first is what is left of them.
    assert_eq!(chains.find(chains.tail(), 2), (0, chains.nodes[0]));
    chains.fini();
}

#[test]
fn find_gap() {
    let mut chains = Chains::new(64, 1, |number| 2 * number as i64 + 2);
    let tail = chains.tail();
    for number in 0..64 {
        let node = chains.nodes[number];
        let seqno = 2 * number as i64;
        assert_eq!(chains.find(tail, seqno + 1), (0, node));
        assert_eq!(chains.find(node, seqno + 2), (0, node), "finding itself");
    }
    chains.fini();
}

/// Threads look for random numbers and signal random fences, under random schedules.
#[test]
fn find_race() {
    const TASKS: usize = 3;
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let mut chains = Chains::new(32, TASKS, INC);
        let tail = chains.tail();
        let mut sought = [None; TASKS];
        for _ in 0..200 {
            let mut calls = Vec::new();
            for sought in &mut sought {
                calls.push(match sought.take() {
                    None => {
                        chains.mock.get(tail);
                        let seqno = random.below(32) as i64 + 1;
                        *sought = Some(seqno);
                        (Op::DmaFenceChainFindSeqno, [tail, Value::Int(seqno)])
                    }
                    Some(_) => (Op::DmaFenceSignal, [chains.fences[random.below(31)], Value::Null]),
                });
            }
            for (task, (op, args)) in calls.iter().enumerate() {
                chains.mock.session.issue(task as u32, *op, args, &[]);
            }
            chains.mock.session.settle_by(&mut Ordinary, |actions| random.below(actions.len()));
            chains.mock.events.extend(chains.mock.session.take_events());
            for (task, sought) in sought.iter().enumerate() {
                let Some(seqno) = *sought else { continue };
                assert_eq!(chains.mock.session.result(task as u32), Some(Value::Int(0)));
                let found = chains.mock.session.call(task as u32, Op::DmaFenceChainFound, &[], &[]);
                let found = found.expect("it does not block");
                if let Some(index) = chains.nodes.iter().position(|&chain| chain == found) {
                    assert!(index < seqno as usize, "seed {seed}: node {index} for {seqno}");
                } else {
                    assert_eq!(found, Value::Null);
                }
                chains.mock.put(found);
            }
        }
        chains.fini();
    }
}

#[test]
fn signal_forward() {
    let mut chains = Chains::new(64, 1, INC);
    for number in 0..64 {
        chains.mock.signal(chains.fences[number]);
        assert!(chains.mock.is_signaled(chains.nodes[number]), "chain[{number}]");
        if let Some(&next) = chains.nodes.get(number + 1) {
            assert!(!chains.mock.is_signaled(next), "chain[{}]", number + 1);
        }
    }
    chains.fini();
}

#[test]
fn signal_backward() {
    let mut chains = Chains::new(64, 1, INC);
    for number in (0..64).rev() {
        chains.mock.signal(chains.fences[number]);
        assert!(number == 0 || !chains.mock.is_signaled(chains.nodes[number]), "chain[{number}]");
    }
    for &chain in &chains.nodes {
        assert!(chains.mock.is_signaled(chain));
    }
    chains.fini();
}

/// A thread waits for the whole chain while its fences are signaled in this order.
fn wait(order: impl IntoIterator<Item = usize>) {
    let mut chains = Chains::new(CHAIN_SZ, 2, INC);
    chains.mock.session.issue(1, Op::DmaFenceWait, &[chains.tail(), Value::Int(0)], &[]);
    chains.mock.session.settle();
    let mut pending = CHAIN_SZ;
    for number in order {
        assert!(!chains.mock.session.is_idle(1), "with {pending} pending");
        chains.mock.signal(chains.fences[number]);
        pending -= 1;
    }
    assert_eq!(chains.mock.session.result(1), Some(Value::Int(0)));
    assert!(broken(&chains.mock.events).is_empty());
    chains.fini();
}

#[test]
fn wait_forward() {
    wait(0..CHAIN_SZ);
}

#[test]
fn wait_backward() {
    wait((0..CHAIN_SZ).rev());
}

#[test]
fn wait_random() {
    let mut order: Vec<usize> = (0..CHAIN_SZ).collect();
    let mut random = Random::new(1);
    for last in (1..CHAIN_SZ).rev() {
        order.swap(last, random.below(last + 1));
    }
    wait(order);
}
