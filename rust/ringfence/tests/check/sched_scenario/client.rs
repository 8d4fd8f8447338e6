//! Who submits jobs, waits for them, moves entities about, and takes everything down.

use ringfence_base::ObjectId;
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};

use super::{FENCE, JOB, Scene, choose, nulls, r, when, when_else};
use crate::build::{obj, op, op_out};

/// Registers of clients: the job, an error, fences (of the latest job, of the one before, a scheduled one, a
/// container, one without a reference), a number, a file.
const REGISTERS: [Kind; 9] = [JOB, Kind::Errno, FENCE, FENCE, FENCE, FENCE, FENCE, Kind::Int, Kind::SyncFile];
const LAST: u16 = 2;
const BEFORE: u16 = 3;
const SCHEDULED: u16 = 4;
const CONTAINER: u16 = 5;
const BORROWED: u16 = 6;
const NUMBER: u16 = 7;
const FILE: u16 = 8;

const TIMEOUTS: [i64; 4] = [0, 3, 1_000_000_000, i64::MAX];

impl Scene {
    pub(super) fn threads(&mut self) {
        let function = self.build.handler("callback", 1, &[FENCE], None, Vec::new());
        for number in 0..2 {
            let callback = self.object(&format!("cb{number}"), ObjectKind::FenceCb { function });
            self.callbacks.push(callback);
        }
        let clients = 1 + self.rng.below(4);
        let tasks: Vec<ObjectId> = (0..clients)
            .map(|client| self.object(&format!("task{client}"), ObjectKind::Task { thread: client as u32 }))
            .collect();
        for client in 0..clients {
            let body = self.client();
            self.build.thread(&format!("client{client}"), &REGISTERS, body);
        }
        if self.percent(30) {
            let body = self.meddles(&tasks);
            self.build.thread("meddler", &REGISTERS, body);
        }
        if self.percent(60) {
            let body = self.takes_down(&tasks);
            self.build.thread("remove", &REGISTERS, body);
        }
    }

    fn client(&mut self) -> Vec<Stmt> {
        let mut body = nulls(&[LAST, BEFORE, SCHEDULED, CONTAINER, BORROWED]);
        let mine = self.one(&self.entities.clone());
        if self.percent(8) {
            let scheds = self.some_scheds().into_iter().map(obj).collect();
            let priority = Arg::Int(self.priority().into());
            body.push(op(Op::DrmSchedEntityInit, &[obj(mine), priority, Arg::List(scheds)]));
        }
        for _ in 0..1 + self.rng.below(4) {
            let entity = if self.percent(75) { mine } else { self.one(&self.entities.clone()) };
            body.extend(self.job(entity));
            if self.percent(30) {
                let after = self.looks();
                body.push(when(r(LAST), after));
            }
            if self.percent(15) {
                let with = self.entity_call(entity);
                body.push(with);
            }
        }
        if self.percent(60) {
            let looks = self.looks();
            body.push(when(r(LAST), looks));
        }
        if self.percent(20) {
            let entity = obj(mine);
            body.push(match self.rng.below(4) {
                0 => op(Op::DrmSchedEntityFlush, &[entity, Arg::Int(1_000)]),
                1 => op(Op::DrmSchedEntityKill, &[entity]),
                2 => op(Op::DrmSchedEntityFini, &[entity]),
                _ => op(Op::DrmSchedEntityDestroy, &[entity]),
            });
        }
        body.extend([LAST, BEFORE, SCHEDULED].map(|fence| op(Op::DmaFencePut, &[r(fence)])));
        body
    }

    /// Makes a job, and submits it if everything is there.
    fn job(&mut self, entity: ObjectId) -> Vec<Stmt> {
        let work = if self.percent(90) { obj(self.one(&self.works.clone())) } else { Arg::Null };
        let credits = *self.rng.pick(&[1, 1, 1, 2, 3, 0]);
        let free = || vec![op(Op::DrmSchedJobCleanup, &[r(0)]), op(Op::DrmSchedJobFree, &[r(0)])];
        let mut ready = vec![op_out(Op::Set, &[Arg::Int(0)], 1)];
        for _ in 0..*self.rng.pick(&[0, 0, 1, 1, 2]) {
            ready.extend(self.dependency());
        }
        let submit = self.submit();
        // A dependency could not be added, or the client changes its mind.
        ready.push(match self.percent(10) {
            false => when_else(r(1), free(), submit),
            true => when_else(r(1), free(), vec![choose(2, NUMBER), when_else(r(NUMBER), free(), submit)]),
        });
        vec![
            op_out(Op::DrmSchedJobAlloc, &[work], 0),
            op_out(Op::DrmSchedJobInit, &[r(0), obj(entity), Arg::Int(credits)], 1),
            when_else(r(1), vec![op(Op::DrmSchedJobFree, &[r(0)])], ready),
        ]
    }

    fn dependency(&mut self) -> Vec<Stmt> {
        let (syncobj, resv) = (obj(self.one(&self.syncobjs.clone())), obj(self.one(&self.resvs.clone())));
        let number = Arg::Int(self.rng.below(2) as i64);
        match self.rng.below(6) {
            0 | 1 => {
                let fence = [LAST, BEFORE, SCHEDULED][self.rng.below(3)];
                vec![
                    op_out(Op::DmaFenceGet, &[r(fence)], BORROWED),
                    op_out(Op::DrmSchedJobAddDependency, &[r(0), r(BORROWED)], 1),
                ]
            }
            2 | 3 => {
                let add = [r(0), syncobj.clone(), Arg::Int(0)];
                // Only if there is something.
                let found =
                    vec![op_out(Op::SyncobjFound, &[], BORROWED), op(Op::DmaFencePut, &[r(BORROWED)])];
                let there = [found, vec![op_out(Op::DrmSchedJobAddSyncobjDependency, &add, 1)]].concat();
                vec![
                    op_out(Op::SyncobjFindFence, &[syncobj, Arg::Int(0), Arg::Int(0)], 1),
                    when_else(r(1), vec![op_out(Op::Set, &[Arg::Int(0)], 1)], there),
                ]
            }
            4 => vec![
                op(Op::DmaResvLock, &[resv.clone(), Arg::Null]),
                op_out(Op::DrmSchedJobAddImplicitDependencies, &[r(0), resv.clone(), number], 1),
                op(Op::DmaResvUnlock, &[resv]),
            ],
            _ => {
                let both = Arg::List(vec![r(LAST), r(BEFORE)]);
                let put = [LAST, BEFORE].map(|fence| op(Op::DmaFencePut, &[r(fence)])).to_vec();
                let add = vec![op_out(Op::DrmSchedJobAddDependency, &[r(0), r(CONTAINER)], 1)];
                let make = vec![
                    op(Op::DmaFenceGet, &[r(LAST)]),
                    op(Op::DmaFenceGet, &[r(BEFORE)]),
                    op_out(Op::DmaFenceArrayCreate, &[both, Arg::Int(1), number], CONTAINER),
                    when_else(r(CONTAINER), add, put),
                ];
                vec![when(r(LAST), vec![when(r(BEFORE), make)])]
            }
        }
    }

    /// The point of no return, and everything behind it.
    fn submit(&mut self) -> Vec<Stmt> {
        let mut body = Vec::new();
        let resv = self.percent(30).then(|| obj(self.one(&self.resvs.clone())));
        if let Some(resv) = &resv {
            body.push(op(Op::DmaResvLock, &[resv.clone(), Arg::Null]));
            body.push(op_out(Op::DmaResvReserveFences, &[resv.clone(), Arg::Int(1)], 1));
        }
        body.extend([
            op(Op::DrmSchedJobArm, &[r(0)]),
            op(Op::DmaFencePut, &[r(BEFORE)]),
            op_out(Op::Set, &[r(LAST)], BEFORE),
            op_out(Op::DrmSchedJobFinished, &[r(0)], BORROWED),
            op_out(Op::DmaFenceGet, &[r(BORROWED)], LAST),
        ]);
        if self.percent(25) {
            body.push(op(Op::DmaFencePut, &[r(SCHEDULED)]));
            body.push(op_out(Op::DrmSchedJobScheduled, &[r(0)], BORROWED));
            body.push(op_out(Op::DmaFenceGet, &[r(BORROWED)], SCHEDULED));
        }
        let mut publish = Vec::new();
        if let Some(resv) = &resv {
            let usage = Arg::Int(self.rng.below(4) as i64);
            // Where reserving failed, it is too late to give up.
            let add = vec![op(Op::DmaResvAddFence, &[resv.clone(), r(LAST), usage])];
            publish.push(when_else(r(1), Vec::new(), add));
        }
        if self.percent(40) {
            let syncobj = obj(self.one(&self.syncobjs.clone()));
            publish.push(op(Op::SyncobjReplaceFence, &[syncobj, r(LAST)]));
        }
        if self.percent(10) {
            publish.push(op_out(Op::SyncFileCreate, &[r(LAST)], FILE));
            publish.push(when(r(FILE), vec![op(Op::FdInstall, &[r(FILE)]), op(Op::SyncFilePut, &[r(FILE)])]));
        }
        if self.percent(20) {
            publish.push(op(Op::DmaFencePublish, &[r(LAST)]));
        }
        body.push(when(r(LAST), publish));
        body.push(op(Op::DrmSchedEntityPushJob, &[r(0)]));
        if let Some(resv) = resv {
            body.push(op(Op::DmaResvUnlock, &[resv]));
        }
        body
    }

    /// Waits, polls, asks; there is a job.
    fn looks(&mut self) -> Vec<Stmt> {
        let fence = || r(LAST);
        let timeout = Arg::Int(*self.rng.pick(&TIMEOUTS));
        let interruptible = Arg::Int(self.rng.below(2) as i64);
        let callback = obj(self.one(&self.callbacks.clone()));
        let (syncobj, resv) = (obj(self.one(&self.syncobjs.clone())), obj(self.one(&self.resvs.clone())));
        let one = match self.rng.below(11) {
            0 | 1 => op(Op::DmaFenceWaitTimeout, &[fence(), interruptible, timeout]),
            2 | 3 => op(Op::DmaFenceWait, &[fence(), interruptible]),
            4 => op_out(Op::DmaFenceIsSignaled, &[fence()], NUMBER),
            5 => op(Op::DmaFenceSetDeadline, &[fence(), Arg::Int(7)]),
            6 => op(Op::DmaFenceAddCallback, &[fence(), callback]),
            7 => op(Op::DmaFenceRemoveCallback, &[fence(), callback]),
            8 => op(Op::SyncobjWait, &[syncobj, Arg::Int(0), Arg::Int(0), timeout]),
            9 => op(Op::DmaResvWaitTimeout, &[resv, Arg::Int(3), interruptible, timeout]),
            _ => {
                let wait = op(Op::DmaFenceWaitTimeout, &[r(SCHEDULED), interruptible, timeout]);
                when(r(SCHEDULED), vec![wait])
            }
        };
        vec![one]
    }

    fn entity_call(&mut self, entity: ObjectId) -> Stmt {
        let priority = Arg::Int(self.priority().into());
        match self.rng.below(3) {
            0 => op(Op::DrmSchedEntitySetPriority, &[obj(entity), priority]),
            1 => {
                let scheds = self.some_scheds().into_iter().map(obj).collect();
                op(Op::DrmSchedEntityModifySched, &[obj(entity), Arg::List(scheds)])
            }
            _ => op_out(Op::DrmSchedEntityError, &[obj(entity)], 1),
        }
    }

    /// An administrator, who resets, stops and kills what he likes.
    fn meddles(&mut self, tasks: &[ObjectId]) -> Vec<Stmt> {
        let mut body = Vec::new();
        for _ in 0..1 + self.rng.below(4) {
            let sched = obj(self.one(&self.scheds.clone()));
            let which = self.rng.below(self.gpus.len());
            let engine = obj(*self.rng.pick(&self.gpus[which].engines));
            let ring = obj(*self.rng.pick(&self.gpus[which].rings));
            match self.rng.below(11) {
                0 => body.push(op(Op::DrmSchedFault, &[sched])),
                1 => body.push(op(Op::DrmSchedTdrQueueImm, &[sched])),
                2 => {
                    body.push(op_out(Op::DrmSchedSuspendTimeout, &[sched.clone()], NUMBER));
                    body.push(op(Op::DrmSchedResumeTimeout, &[sched, r(NUMBER)]));
                }
                3 => {
                    body.push(op(Op::DrmSchedWqueueStop, &[sched.clone()]));
                    body.push(op(Op::DrmSchedWqueueStart, &[sched]));
                }
                4 => {
                    body.push(op(Op::DrmSchedStop, &[sched.clone(), Arg::Null]));
                    if self.percent(50) {
                        body.push(op(Op::RingClear, &[ring]));
                        body.push(op(Op::DrmSchedResubmitJobs, &[sched.clone()]));
                    }
                    body.push(op(Op::DrmSchedStart, &[sched, Arg::Int(0)]));
                }
                5 => body.push(op(Op::DrmSchedSetReady, &[sched, Arg::Int(self.rng.below(2) as i64)])),
                6 => body.push(op(Op::SendSig, &[obj(self.one(tasks))])),
                7 => body.push(op(Op::RingPreempt, &[ring])),
                8 => body.push(op(Op::GpuHang, &[engine])),
                9 => {
                    let entity = self.one(&self.entities.clone());
                    let call = self.entity_call(entity);
                    body.push(call);
                }
                _ => body.push(op(Op::Msleep, &[Arg::Int(3)])),
            }
        }
        body
    }

    /// The driver goes; not always after its clients.
    fn takes_down(&mut self, tasks: &[ObjectId]) -> Vec<Stmt> {
        let mut body = Vec::new();
        if self.percent(85) {
            body.extend(tasks.iter().map(|&task| op(Op::KthreadStop, &[obj(task)])));
        }
        if self.percent(85) {
            let how = *self.rng.pick(&[Op::DrmSchedEntityDestroy, Op::DrmSchedEntityFini]);
            body.extend(self.entities.iter().map(|&entity| op(how, &[obj(entity)])));
        }
        if self.percent(50) {
            body.push(op(Op::Msleep, &[Arg::Int(1_000)]));
        }
        if self.percent(80) {
            body.extend(self.scheds.iter().map(|&sched| op(Op::DrmSchedFini, &[obj(sched)])));
        }
        body
    }
}
