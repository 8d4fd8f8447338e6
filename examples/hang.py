"""A job hangs the GPU: the timeout, the reset, and who is spared.

Two processes use one engine. A job of the first one never ends, and behind it waits one of the second. The contract
says what must happen then: every fence is signaled in finite time, whatever the hardware does; and only the context
that is at fault pays for it. When its time is up, the job is taken off the engine by a reset, its fence fails, and
the engine goes on with the other job.

A reset can fail, too. Then nothing on the GPU ends any more, and all that is in flight is signaled with an error:

    python examples/hang.py

Both are clean, under every schedule and however the reset goes:

    ringfence check examples/hang.py
"""

import re

import ringfence as rf

HUNG, INNOCENT = "browser", "compositor"


class Gpu(rf.Driver):
    """Two rings on one engine, a scheduler for each; the handlers are those of most drivers."""

    def setup(self, k: rf.Kernel) -> None:
        engine = k.engine("3d", gpu=k.gpu("gpu"))
        irq = k.irq("gpu-irq")
        rings = {name: k.ring(f"{name}-ring", engine, irq=irq) for name in (HUNG, INNOCENT)}
        self.scheds = {
            name: k.drm_sched(f"{name}-sched", ring=ring, timeout=rf.ms(500)) for name, ring in rings.items()
        }


def hang(k: rf.Kernel, gpu: Gpu) -> None:
    endless, frame = k.gpu_job("endless shader", hang="infinite"), k.gpu_job("frame", run_time=rf.ms(16))

    def submit(t: rf.Recorder, entity: rf.DrmSchedEntity, bo: rf.DmaResv, work: rf.GpuJob) -> None:
        job = t.drm_sched_job(entity, work)
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)
        t.dma_resv_wait_timeout(bo, rf.WRITE, False, rf.MAX_SCHEDULE_TIMEOUT)

    for name, delay, work in ((HUNG, 0, endless), (INNOCENT, rf.ms(100), frame)):
        entity, bo = k.drm_sched_entity(name, gpu.scheds[name]), k.dma_resv(f"{name}'s buffer")

        @k.thread(name)
        def process(
            t: rf.Recorder,
            entity: rf.DrmSchedEntity = entity,
            bo: rf.DmaResv = bo,
            delay: int = delay,
            work: rf.GpuJob = work,
        ) -> None:
            t.msleep(delay)
            submit(t, entity, bo, work)


spared = rf.scenario(drivers=[Gpu], name="spared")(hang)
failed_reset = rf.scenario(
    drivers=[Gpu], environment=rf.quiet(reset_failure=True), name="failed_reset"
)(hang)


def story(execution: rf.Execution) -> None:
    """What matters of an execution, with the virtual time at which it happened."""
    now = "0 ns"
    telling = re.compile(r"ring_emit|is next|hangs|timed out|gpu_(engine_)?reset|reset$|gpu_wedge|completes|loses|signals .*finished")
    for step in execution.steps:
        for what in step.what:
            if what.startswith("time is "):
                now = what.removeprefix("time is ")
            elif telling.search(what):
                print(f"{now:>8}  {step.context:20}  {what}")
    for fence in execution.at().fences:
        print(fence)


def main() -> None:
    story(spared.run())


if __name__ == "__main__":
    main()
