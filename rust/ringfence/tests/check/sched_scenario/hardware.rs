//! GPUs, their interrupt handlers, and work of every sort.

use ringfence_base::scenario::{GpuHang, ObjectKind, Op, SemaphorePoint, Stmt};
use ringfence_base::{ObjectId, SiteId};

use super::{FENCE, Gpu, Scene, r, when, when_else};
use crate::build::{obj, op, op_out};

impl Scene {
    pub(super) fn hardware(&mut self) {
        for number in 0..1 + self.rng.below(2) {
            let gpu = self.gpu(number);
            self.gpus.push(gpu);
        }
        self.works();
    }

    fn gpu(&mut self, number: usize) -> Gpu {
        let irq = self.object(&format!("irq{number}"), ObjectKind::Irq { handler: None, thread: None });
        let kind = ObjectKind::Gpu { engine_reset: self.percent(85), full_reset: self.percent(85) };
        let gpu = self.object(&format!("gpu{number}"), kind);
        let (mut engines, mut rings) = (Vec::new(), Vec::new());
        for _ in 0..1 + self.rng.below(2) {
            let preemption = self.percent(50);
            let kind = ObjectKind::Engine { irq: Some(irq), gpu: Some(gpu), preemption };
            let engine = self.object("engine", kind);
            engines.push(engine);
            for _ in 0..1 + self.rng.below(2) {
                let slots = *self.rng.pick(&[1, 2, 4, 16]);
                rings.push(self.object("ring", ObjectKind::Ring { engine, slots, irq: None }));
            }
        }
        let mut body: Vec<Stmt> = rings.iter().map(|&ring| signal_completed(ring)).collect();
        if self.percent(50) {
            body.extend(engines.iter().flat_map(|&engine| resume(engine)));
        }
        let handler = self.build.handler("irq_handler", 0, &[FENCE], None, body);
        let threaded = self.percent(25);
        let (hard, thread) = if threaded { (None, Some(handler)) } else { (Some(handler), None) };
        self.build.scenario.objects[irq.index()].kind = ObjectKind::Irq { handler: hard, thread };
        Gpu { gpu, engines, rings }
    }

    fn works(&mut self) {
        let semaphores = ["s0", "s1"].map(|name| self.object(name, ObjectKind::GpuSemaphore));
        let locks = ["l0", "l1"].map(|name| self.object(name, ObjectKind::GpuLock));
        let bad = *self.rng.pick(&[0, 0, 10, 30]);
        for number in 0..2 + self.rng.below(4) {
            let points = |scene: &mut Self| {
                let value = scene.rng.below(3) as i64;
                let semaphore = scene.one(&semaphores);
                Vec::from_iter(scene.percent(bad).then_some(SemaphorePoint { semaphore, value }))
            };
            let (waits, signals) = (points(self), points(self));
            let hangs =
                [GpuHang::Finite(100), GpuHang::Infinite, GpuHang::Infinite, GpuHang::AfterPreemption];
            let hang = if self.percent(bad) { *self.rng.pick(&hangs) } else { GpuHang::No };
            let locks = locks.iter().copied().filter(|_| self.rng.percent(bad)).collect();
            let kind = ObjectKind::GpuJob {
                run_time: self.rng.below(4) as i64,
                hang,
                waits,
                signals,
                locks,
                uses: Vec::new(),
                fault: self.percent(bad / 2),
            };
            let work = self.object(&format!("work{number}"), kind);
            self.works.push(work);
        }
    }
}

/// Signals the fences of all completed work of a ring; the work had a reference to each.
fn signal_completed(ring: ObjectId) -> Stmt {
    let signal = vec![op(Op::DmaFenceSignal, &[r(0)]), op(Op::DmaFencePut, &[r(0)])];
    let done = vec![Stmt::Break { at: SiteId::UNKNOWN }];
    let turn = vec![op_out(Op::RingCompleted, &[obj(ring)], 0), when_else(r(0), signal, done)];
    Stmt::Loop { body: turn, at: SiteId::UNKNOWN }
}

/// Maps the memory that was missing.
fn resume(engine: ObjectId) -> [Stmt; 2] {
    let faulted = op_out(Op::GpuFaulted, &[obj(engine)], 0);
    [faulted, when(r(0), vec![op(Op::GpuFaultResume, &[obj(engine)])])]
}
