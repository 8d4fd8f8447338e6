//! Calls of the dma-buf API by one thread: fences, containers, reservations, and what each call returned.

use std::collections::BTreeMap;

use ringfence_base::scenario::{self, Arg, Kind, Object, ObjectKind, Operation, Program, Scenario, Stmt};
use ringfence_base::{EventKind, ObjectId, ProgramId, SiteId};
use ringfence_model::{Session, Value};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::dma_buf_ops::{FenceOps, Init, Op};
use super::fields::Fields;
use super::{Recorded, Recording, RecordingError, Replayed};

/// What one call did. What is absent did not happen.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    /// The numbers it returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ret: Vec<i64>,
    /// Fence callbacks that ran, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    callbacks: Vec<u64>,
    /// How often a driver's `enable_signaling` was called.
    #[serde(default, skip_serializing_if = "is_zero")]
    enable_signaling_calls: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

pub(super) fn replay(fields: &Fields, recorded: Recorded) -> Result<Replayed, RecordingError> {
    let recording = recording(fields, recorded)?;
    let ops: Vec<&Op> = recording.ops.iter().map(|(op, _)| op).collect();
    let mut replay = Replay::new(&ops);
    recording.drive(|op| replay.step(op))
}

/// The recording with these results.
pub(super) fn with_results(fields: &Fields, results: &[String]) -> String {
    fields.with("results", &format!("[{}]", results.join(",")))
}

fn recording(fields: &Fields, recorded: Recorded) -> Result<Recording<Op, Outcome>, RecordingError> {
    let id: String = fields.required("id").map_err(RecordingError::Json)?;
    let family = fields.optional("family").map_err(RecordingError::Json)?.unwrap_or_default();
    let raw: Vec<Box<RawValue>> = fields.required("ops").map_err(RecordingError::Json)?;
    let mut ops = Vec::with_capacity(raw.len());
    for (step, text) in raw.iter().enumerate() {
        let op = serde_json::from_str(text.get()).map_err(|error| error.to_string());
        let op = op.and_then(|op| Op::parse(&op));
        let complain = |what| RecordingError::Step { id: id.clone(), list: "ops", step, what };
        ops.push((op.map_err(complain)?, text.get().to_owned()));
    }
    let results: Option<Vec<Option<Outcome>>> = match recorded {
        Recorded::Compared => fields.optional("results").map_err(RecordingError::Json)?,
        Recorded::Ignored => None,
    };
    if let Some(results) = &results
        && results.len() != ops.len()
    {
        let what = format!("{} ops but {} results", ops.len(), results.len());
        return Err(RecordingError::Json(what));
    }
    Ok(Recording { id, family, list: "ops", ops, recorded: results.unwrap_or_default() })
}

/// The end of a list of fences in a result.
const END: i64 = -9;

/// The longest list of fences that one call takes.
const MOST_FENCES: usize = 4096;

/// The model with the recording's objects, and its fences by number.
struct Replay {
    session: Session,
    timelines: BTreeMap<u64, Value>,
    ops: BTreeMap<FenceOps, Value>,
    /// Per callback id, its object; and the other way round.
    callbacks: BTreeMap<u64, Value>,
    callback_ids: Vec<u64>,
    resvs: BTreeMap<u64, Value>,
    fences: Vec<Value>,
}

/// A scenario's objects while they are being declared.
#[derive(Default)]
struct Declared {
    scenario: Scenario,
}

impl Declared {
    fn object(&mut self, name: String, kind: ObjectKind) -> ObjectId {
        self.scenario.objects.push(Object { name, kind, driver: None, at: SiteId::UNKNOWN });
        ObjectId::new(self.scenario.objects.len() - 1)
    }

    /// A program that takes a fence.
    fn program(&mut self, name: &str, result: Option<Kind>, body: Vec<Stmt>) -> ProgramId {
        let registers = vec![Kind::Fence, Kind::Int];
        self.scenario.programs.push(Program {
            name: name.into(),
            params: 1,
            registers,
            result,
            driver: None,
            body,
        });
        ProgramId::new(self.scenario.programs.len() - 1)
    }

    fn constant(&mut self, name: &str, value: i64) -> ProgramId {
        let value = Some(Arg::Int(value));
        self.program(name, Some(Kind::Int), vec![Stmt::Return { value, at: SiteId::UNKNOWN }])
    }

    fn fence_ops(&mut self, name: String, ops: FenceOps) -> ObjectId {
        let enable_signaling =
            ops.enable_signaling.map(|value| self.constant("enable_signaling", i64::from(value)));
        let signaled = ops.poll.then(|| {
            let (args, at) = (vec![Arg::Register(0)], SiteId::UNKNOWN);
            let ask = Operation { op: scenario::Op::DmaFenceHwIsDone, args, out: Some(1), at };
            let answer = Stmt::Return { value: Some(Arg::Register(1)), at };
            self.program("signaled", Some(Kind::Int), vec![Stmt::Op(ask), answer])
        });
        let use_64bit_seqno = ops.use_64bit_seqno;
        let (wait, release, set_deadline) = (None, None, None);
        self.object(
            name,
            ObjectKind::FenceOps { enable_signaling, signaled, wait, release, set_deadline, use_64bit_seqno },
        )
    }
}

impl Replay {
    fn new(ops: &[&Op]) -> Self {
        let mut declared = Declared::default();
        let (mut timelines, mut fence_ops) = (BTreeMap::new(), BTreeMap::new());
        let (mut callbacks, mut callback_ids, mut resvs) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        for op in ops {
            match **op {
                Op::Init { init: Init { context, ops, .. }, .. } => {
                    timelines.insert(context, ObjectId::new(0));
                    let name = format!("ops{}", fence_ops.len());
                    fence_ops.entry(ops).or_insert_with(|| declared.fence_ops(name, ops));
                }
                Op::AddCallback(_, id) | Op::RemoveCallback(_, id) => {
                    callbacks.entry(id).or_insert_with(|| {
                        callback_ids.push(id);
                        ObjectId::new(0)
                    });
                }
                _ => {}
            }
            for resv in op.resvs() {
                resvs.entry(resv).or_insert_with(|| declared.object(format!("resv{resv}"), ObjectKind::Resv));
            }
        }
        // In ascending order: contexts are numbered as they are declared, and merging sorts by them.
        for (context, id) in &mut timelines {
            let lock = declared.object(format!("lock{context}"), ObjectKind::Spinlock { class: None });
            let (lock, ops, first_seqno, bound) = (Some(lock), None, 1, None);
            let kind = ObjectKind::Timeline { lock, ops, first_seqno, bound };
            *id = declared.object(format!("timeline{context}"), kind);
        }
        let function = declared.program("callback", None, Vec::new());
        for id in &callback_ids {
            let object = declared.object(format!("callback{id}"), ObjectKind::FenceCb { function });
            callbacks.insert(*id, object);
        }
        let session = Session::new(&declared.scenario, 1);
        let session = session.expect("engine bug: the scenario of a recording is refused");
        Self {
            timelines: values(&session, timelines),
            ops: values(&session, fence_ops),
            callbacks: values(&session, callbacks),
            resvs: values(&session, resvs),
            session,
            callback_ids,
            fences: Vec::new(),
        }
    }

    /// Does it, and says what happened.
    fn step(&mut self, op: &Op) -> Result<Outcome, String> {
        let ret = self.do_op(op)?;
        let mut outcome = Outcome { ret, ..Outcome::default() };
        for event in self.session.take_events() {
            match event.kind {
                EventKind::FenceCallback(_, callback) => {
                    outcome.callbacks.push(self.callback_ids[callback as usize]);
                }
                EventKind::FenceEnableSignaling(_) => outcome.enable_signaling_calls += 1,
                _ => {}
            }
        }
        Ok(outcome)
    }

    fn do_op(&mut self, op: &Op) -> Result<Vec<i64>, String> {
        use scenario::Op as Call;
        Ok(match *op {
            Op::Init { fence, init } => {
                let args = [
                    self.timelines[&init.context],
                    Value::Int(init.seqno.cast_signed()),
                    self.ops[&init.ops],
                ];
                let value = self.call(Call::DmaFenceInitOps, &args)?;
                self.new_fence(fence, value)?;
                vec![]
            }
            Op::HwDone(fence) => self.nothing(Call::DmaFenceHwDone, &[self.fence(fence)?])?,
            Op::Signal(fence) => self.number(Call::DmaFenceSignal, &[self.fence(fence)?])?,
            Op::SetError(fence, error) => {
                self.nothing(Call::DmaFenceSetError, &[self.fence(fence)?, Value::Int(error)])?
            }
            Op::AddCallback(fence, id) => {
                self.number(Call::DmaFenceAddCallback, &[self.fence(fence)?, self.callbacks[&id]])?
            }
            Op::RemoveCallback(fence, id) => {
                self.number(Call::DmaFenceRemoveCallback, &[self.fence(fence)?, self.callbacks[&id]])?
            }
            Op::IsSignaled(fence) => self.number(Call::DmaFenceIsSignaled, &[self.fence(fence)?])?,
            Op::GetStatus(fence) => self.number(Call::DmaFenceGetStatus, &[self.fence(fence)?])?,
            Op::EnableSwSignaling(fence) => {
                self.nothing(Call::DmaFenceEnableSwSignaling, &[self.fence(fence)?])?
            }
            Op::WaitTimeout0(fence) => {
                let args = [self.fence(fence)?, Value::Int(0), Value::Int(0)];
                self.number(Call::DmaFenceWaitTimeout, &args)?
            }
            Op::IsLaterAndLater(a, b) => {
                let args = [self.fence(a)?, self.fence(b)?];
                let mut ret = self.number(Call::DmaFenceIsLater, &args)?;
                let later = self.call(Call::DmaFenceLater, &args)?;
                ret.push(self.number_of(later));
                ret
            }
            _ => self.do_container_op(op)?,
        })
    }

    fn do_container_op(&mut self, op: &Op) -> Result<Vec<i64>, String> {
        use scenario::Op as Call;
        Ok(match op {
            Op::Array { fence, array } => {
                let members = self.fence_list(&array.fences)?;
                for &member in &members {
                    self.call(Call::DmaFenceGet, &[member])?;
                }
                let args = [
                    Value::Null,
                    Value::Int(array.seqno.cast_signed()),
                    Value::Int(i64::from(array.signal_on_any)),
                ];
                let value = self.call_list(Call::DmaFenceArrayCreate, &args, &members)?;
                self.new_fence(*fence, value)?;
                vec![]
            }
            Op::Chain { fence, chain } => {
                let prev = chain.prev.map_or(Ok(Value::Null), |prev| self.fence(prev))?;
                let contained = self.fence(chain.fence)?;
                for taken in [prev, contained] {
                    self.call(Call::DmaFenceGet, &[taken])?;
                }
                let args = [prev, contained, Value::Int(chain.seqno.cast_signed())];
                let value = self.call(Call::DmaFenceChainInit, &args)?;
                self.new_fence(*fence, value)?;
                let shares = prev != Value::Null
                    && self.call(Call::DmaFenceContext, &[prev])?
                        == self.call(Call::DmaFenceContext, &[value])?;
                let mut ret = self.number(Call::DmaFenceSeqno, &[value])?;
                ret.extend(self.number(Call::DmaFenceChainPrevSeqno, &[value])?);
                ret.push(i64::from(shares));
                ret
            }
            Op::FindSeqno(fence, seqno) => {
                let fence = self.fence(*fence)?;
                self.call(Call::DmaFenceGet, &[fence])?;
                let mut ret =
                    self.number(Call::DmaFenceChainFindSeqno, &[fence, Value::Int(seqno.cast_signed())])?;
                let found = self.call(Call::DmaFenceChainFound, &[])?;
                ret.push(self.number_of(found));
                self.call(Call::DmaFencePut, &[found])?;
                ret
            }
            Op::Walk(fence) => {
                let (mut ret, mut node) = (Vec::new(), self.fence(*fence)?);
                self.call(Call::DmaFenceGet, &[node])?;
                while node != Value::Null {
                    ret.push(self.number_of(node));
                    node = self.call(Call::DmaFenceChainWalk, &[node])?;
                }
                ret
            }
            Op::Unwrap(fence) => self.unwrap(self.fence(*fence)?)?,
            Op::Merge(fences) => {
                let fences = self.fence_list(fences)?;
                let merged = self.call_list(Call::DmaFenceUnwrapMerge, &[], &fences)?;
                let ret = self.describe(merged, &[1])?;
                self.fences.push(merged);
                ret
            }
            _ => self.do_resv_op(op)?,
        })
    }

    fn do_resv_op(&mut self, op: &Op) -> Result<Vec<i64>, String> {
        use scenario::Op as Call;
        Ok(match *op {
            Op::ResvLock(resv) => self.number(Call::DmaResvLock, &[self.resvs[&resv], Value::Null])?,
            Op::ResvUnlock(resv) => self.nothing(Call::DmaResvUnlock, &[self.resvs[&resv]])?,
            Op::ReserveFences(resv, count) => {
                self.number(Call::DmaResvReserveFences, &[self.resvs[&resv], Value::Int(count)])?
            }
            Op::AddFence(resv, fence, usage) => {
                let args = [self.resvs[&resv], self.fence(fence)?, Value::Int(usage)];
                self.nothing(Call::DmaResvAddFence, &args)?
            }
            Op::ReplaceFences(resv, ref replace) => {
                let (of, by) = (self.fence(replace.context_of)?, self.fence(replace.by)?);
                let args = [self.resvs[&resv], of, by, Value::Int(replace.usage)];
                self.nothing(Call::DmaResvReplaceFences, &args)?
            }
            Op::CopyFences(dst, src) => {
                self.number(Call::DmaResvCopyFences, &[self.resvs[&dst], self.resvs[&src]])?
            }
            Op::ListLocked(resv, usage) => {
                self.list(resv, usage, Call::DmaResvIterFirst, Call::DmaResvIterNext)?
            }
            Op::ListUnlocked(resv, usage) => {
                self.list(resv, usage, Call::DmaResvIterFirstUnlocked, Call::DmaResvIterNextUnlocked)?
            }
            Op::TestSignaled(resv, usage) => {
                self.number(Call::DmaResvTestSignaled, &[self.resvs[&resv], Value::Int(usage)])?
            }
            Op::ResvWaitTimeout0(resv, usage) => {
                let args = [self.resvs[&resv], Value::Int(usage), Value::Int(0), Value::Int(0)];
                self.number(Call::DmaResvWaitTimeout, &args)?
            }
            Op::GetSingleton(resv, usage) => {
                let args = [self.resvs[&resv], Value::Int(usage)];
                let fence = self.call(Call::DmaResvGetSingleton, &args)?;
                if fence == Value::Null {
                    return Ok(vec![0, -1]);
                }
                let mut ret = vec![0];
                ret.extend(self.describe(fence, &[])?);
                self.call(Call::DmaFencePut, &[fence])?;
                ret
            }
            _ => return Err("engine bug: an operation that nobody does".into()),
        })
    }

    /// Which fences a reservation has, with their usages.
    fn list(
        &mut self,
        resv: u64,
        usage: i64,
        first: scenario::Op,
        next: scenario::Op,
    ) -> Result<Vec<i64>, String> {
        use scenario::Op as Call;
        let cursor = self.call(Call::DmaResvIterBegin, &[self.resvs[&resv], Value::Int(usage)])?;
        let mut ret = Vec::new();
        let mut fence = self.call(first, &[cursor])?;
        while fence != Value::Null {
            ret.push(self.number_of(fence));
            ret.extend(self.number(Call::DmaResvIterUsage, &[cursor])?);
            fence = self.call(next, &[cursor])?;
        }
        self.call(Call::DmaResvIterEnd, &[cursor])?;
        Ok(ret)
    }

    /// A fence that came out of several: one of them, a stub, or a new array with these leaves.
    fn describe(&mut self, fence: Value, stub: &[i64]) -> Result<Vec<i64>, String> {
        use scenario::Op as Call;
        let number = self.number_of(fence);
        if number >= 0 {
            return Ok(vec![0, number]);
        }
        if self.number(Call::DmaFenceContext, &[fence])? == [0] {
            let mut ret = stub.to_vec();
            ret.extend(self.number(Call::DmaFenceIsSignaled, &[fence])?);
            return Ok(ret);
        }
        let mut ret = vec![2];
        ret.extend(self.unwrap(fence)?);
        Ok(ret)
    }

    /// `dma_fence_unwrap_for_each()`.
    fn unwrap(&mut self, head: Value) -> Result<Vec<i64>, String> {
        use scenario::Op as Call;
        let (mut ret, mut node) = (vec![0], head);
        self.call(Call::DmaFenceGet, &[node])?;
        while node != Value::Null {
            let contained = self.call(Call::DmaFenceChainContained, &[node])?;
            let mut leaf = self.call(Call::DmaFenceArrayFirst, &[contained])?;
            let mut position = 0;
            while leaf != Value::Null {
                ret.push(self.number_of(leaf));
                position += 1;
                leaf = self.call(Call::DmaFenceArrayNext, &[contained, Value::Int(position)])?;
            }
            node = self.call(Call::DmaFenceChainWalk, &[node])?;
        }
        ret.push(END);
        Ok(ret)
    }

    fn call(&mut self, op: scenario::Op, args: &[Value]) -> Result<Value, String> {
        self.call_list(op, args, &[])
    }

    fn call_list(&mut self, op: scenario::Op, args: &[Value], list: &[Value]) -> Result<Value, String> {
        let result = self.session.call(0, op, args, list);
        result.ok_or_else(|| format!("{} never returns", op.name()))
    }

    /// A call of whose result nobody wants to know.
    fn nothing(&mut self, op: scenario::Op, args: &[Value]) -> Result<Vec<i64>, String> {
        self.call(op, args).map(|_| Vec::new())
    }

    /// A call that returns a number.
    fn number(&mut self, op: scenario::Op, args: &[Value]) -> Result<Vec<i64>, String> {
        match self.call(op, args)? {
            Value::Int(number) => Ok(vec![number]),
            Value::Null => Ok(vec![0]),
            Value::Object(kind, _) => Err(format!("engine bug: {} returned a {kind}", op.name())),
        }
    }

    fn fence(&self, number: u64) -> Result<Value, String> {
        let fence = usize::try_from(number).ok().and_then(|number| self.fences.get(number));
        let count = self.fences.len();
        fence.copied().ok_or_else(|| format!("there is no fence {number}; there are {count} so far"))
    }

    fn fence_list(&self, numbers: &[u64]) -> Result<Vec<Value>, String> {
        if numbers.len() > MOST_FENCES {
            return Err(format!("more than {MOST_FENCES} fences in one list"));
        }
        numbers.iter().map(|&number| self.fence(number)).collect()
    }

    fn new_fence(&mut self, number: u64, fence: Value) -> Result<(), String> {
        let next = self.fences.len();
        if number != next as u64 {
            return Err(format!("expected the new fence to be number {next}, the next one, not {number}"));
        }
        self.fences.push(fence);
        Ok(())
    }

    /// The number of a fence; -1 for NULL and for one that has none.
    fn number_of(&self, fence: Value) -> i64 {
        let position = self.fences.iter().position(|&known| known == fence && fence != Value::Null);
        position.and_then(|position| i64::try_from(position).ok()).unwrap_or(-1)
    }
}

fn values<K: Ord>(session: &Session, ids: BTreeMap<K, ObjectId>) -> BTreeMap<K, Value> {
    ids.into_iter().map(|(key, id)| (key, session.object(id))).collect()
}
