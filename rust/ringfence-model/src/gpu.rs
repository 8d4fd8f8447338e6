//! A GPU: its engines, what of it can be reset, and that it is given up.
//!
//! It is made of engines (`engine.rs`), which execute what is on rings (`ring.rs`). What the work does is in
//! `gpu_job.rs`, what it waits for in `gpu_semaphore.rs` and `gpu_lock.rs`, how it is got rid of in `gpu_reset.rs`.

use ringfence_base::scenario::{Kind, ObjectKind, Op};
use ringfence_base::{EventKind, GpuEvent, ObjectRef};

use crate::compile::Compiler;
use crate::engine::{Engine, EngineInfo};
use crate::frame::Flow;
use crate::gpu_job::JobInfo;
use crate::gpu_lock::GpuLock;
use crate::gpu_semaphore::Semaphore;
use crate::kernel::{Call, Kernel};
use crate::plan::Plan;
use crate::ring::{Ring, RingInfo};
use crate::tracked::tracked;
use crate::tracked_list::SharedList;
use crate::value::Value;

tracked! {
    /// All GPUs of a world.
    pub(crate) struct Hardware {
        /// One flag per GPU: it was given up.
        pub(crate) wedged: SharedList<bool>,
        /// What executes.
        pub(crate) engines: SharedList<Engine>,
        /// What is to be executed.
        pub(crate) rings: SharedList<Ring>,
        /// Numbers in memory that only grow.
        pub(crate) semaphores: SharedList<Semaphore>,
        /// Locks of the work.
        pub(crate) locks: SharedList<GpuLock>,
    }
}

impl Hardware {
    /// Bytes that rings, semaphores and locks have reserved.
    pub(crate) fn memory_usage(&self) -> usize {
        self.rings.unmarked().iter().map(Ring::memory_usage).sum::<usize>()
            + self.semaphores.unmarked().iter().map(Semaphore::memory_usage).sum::<usize>()
            + self.locks.unmarked().iter().map(GpuLock::memory_usage).sum::<usize>()
    }
}

/// What never changes about a GPU.
#[derive(Debug)]
pub(crate) struct GpuInfo {
    engine_reset: bool,
    full_reset: bool,
    /// Its engines.
    pub(crate) engines: Vec<u32>,
}

impl GpuInfo {
    /// An engine can be reset alone.
    pub(crate) fn has_engine_reset(&self) -> bool {
        self.engine_reset
    }

    /// All of it can be reset.
    pub(crate) fn has_full_reset(&self) -> bool {
        self.full_reset
    }
}

/// What never changes about all GPUs of a plan.
#[derive(Debug, Default)]
pub(crate) struct GpuLayout {
    /// The declared ones; then one for each engine that has none.
    pub(crate) gpus: Vec<GpuInfo>,
    pub(crate) engines: Vec<EngineInfo>,
    /// The declared ones; then one for each engine, for what is submitted without a ring.
    pub(crate) rings: Vec<RingInfo>,
    pub(crate) jobs: Vec<JobInfo>,
}

impl Plan {
    /// The GPU that something is a part of.
    pub(crate) fn gpu_of(&self, part: ObjectRef) -> u32 {
        match part.kind {
            Kind::Gpu => part.index,
            _ => self.gpu.engines[self.engine_of(part) as usize].gpu,
        }
    }

    /// An engine, or that of a ring.
    pub(crate) fn engine_of(&self, part: ObjectRef) -> u32 {
        match part.kind {
            Kind::Ring => self.gpu.rings[part.index as usize].engine,
            _ => part.index,
        }
    }
}

impl Compiler {
    pub(crate) fn set_up_device(&mut self) {
        for id in self.plan.by_kind[Kind::Gpu as usize].clone() {
            let ObjectKind::Gpu { engine_reset, full_reset } = self.plan.scenario.objects[id.index()].kind
            else {
                continue;
            };
            self.plan.gpu.gpus.push(GpuInfo { engine_reset, full_reset, engines: Vec::new() });
        }
        self.set_up_engines();
        self.set_up_rings();
        self.set_up_gpu_jobs();
        let count = |kind: Kind| self.plan.by_kind[kind as usize].len();
        let (semaphores, locks) = (count(Kind::GpuSemaphore), count(Kind::GpuLock));
        let hardware = &mut self.plan.initial.gpu;
        hardware.wedged.all_mut().resize(self.plan.gpu.gpus.len(), false);
        hardware.semaphores.all_mut().resize_with(semaphores, Semaphore::default);
        hardware.locks.all_mut().resize_with(locks, GpuLock::default);
    }

    /// A GPU with one engine, which nobody declared: it can do everything.
    pub(crate) fn implicit_gpu(&mut self) -> u32 {
        self.plan.gpu.gpus.push(GpuInfo { engine_reset: true, full_reset: true, engines: Vec::new() });
        self.plan.gpu.gpus.len() as u32 - 1
    }
}

impl Kernel<'_> {
    pub(crate) fn device_op(&mut self, call: Call<'_>) -> Flow {
        let nothing = Flow::Return(Value::Null);
        let Some(device) = self.arg(call, 0).object() else {
            self.broken("RF509", "NULL pointer dereference", None);
            return nothing;
        };
        match call.op {
            Op::EngineSubmit | Op::EngineCompleted | Op::EngineIdle | Op::EngineHang | Op::EngineReset => {
                self.engine_op(call, device.index)
            }
            Op::RingEmit => self.ring_emit(call, device.index),
            Op::GpuEngineReset => self.gpu_engine_reset(call, device),
            Op::GpuReset => self.gpu_reset(device),
            Op::GpuWedge => {
                self.gpu_wedge(self.plan.gpu_of(device));
                nothing
            }
            Op::GpuWedged => Flow::Return(Value::bool(self.w.gpu.wedged[self.plan.gpu_of(device) as usize])),
            Op::GpuHang => {
                self.engine_hangs(self.plan.engine_of(device));
                nothing
            }
            Op::GpuFaulted => Flow::Return(self.faulted(device)),
            Op::GpuFaultResume => {
                self.fault_resume(self.plan.engine_of(device));
                nothing
            }
            Op::GpuSemaphoreSignal => {
                let value = self.int(call, 1);
                self.semaphore_signal(device.index, value);
                nothing
            }
            Op::GpuSemaphoreRead => {
                Flow::Return(Value::Int(self.w.gpu.semaphores[device.index as usize].value()))
            }
            _ => self.ring_op(call, device.index),
        }
    }

    /// It stops for good, with whatever is on its rings.
    fn gpu_wedge(&mut self, gpu: u32) {
        if std::mem::replace(&mut self.w.gpu.wedged[gpu as usize], true) {
            return;
        }
        let plan = self.plan;
        for &engine in &plan.gpu.gpus[gpu as usize].engines {
            self.engine_stops(engine);
        }
        self.emit(EventKind::Gpu(GpuEvent::Wedge, ObjectRef { kind: Kind::Gpu, index: gpu }));
    }
}
