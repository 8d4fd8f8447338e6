"""A job hangs the GPU: the timeout, the reset, and who is spared.

Two processes use one engine. A job of the browser never ends, and behind it waits one of the compositor.
The contract says what must happen: every fence is signaled in finite time, whatever the hardware does, and
only the context that is at fault pays for it. So when its time is up, the browser's job is taken off the
engine by a reset; its fence fails, and the engine goes on with the other one.

A reset can fail, too. Then nothing on the GPU ends any more, and whatever is in flight is signaled with an
error when its time is up. Both, in virtual time:

    python examples/hang.py

That no fence is forgotten, under any schedule and however the resets end:

    ringfence check examples/hang.py
"""

import errno
import re

import ringfence as rf


class Gpu(rf.Driver):
    """One engine with two rings, and a scheduler for each ring."""

    def setup(self, k: rf.Kernel) -> None:
        engine = k.engine("3d", gpu=k.gpu("gpu"))
        self.irq_line = k.irq("gpu-irq")
        self.rings = [k.ring(f"ring{n}", engine, irq=self.irq_line) for n in range(2)]
        # With a ring, a scheduler has the handlers of most drivers. `timedout_job` takes the job off its
        # engine by a reset; if that fails, it resets the whole GPU; if that fails, it gives the GPU up.
        self.scheds = [k.drm_sched(ring.name, ring=ring, timeout=rf.ms(500)) for ring in self.rings]

    def submit(self, t: rf.Recorder, entity: rf.DrmSchedEntity, bo: rf.DmaResv, work: rf.GpuJob) -> None:
        """The ioctl: from here on anybody may wait for the job."""
        job = t.drm_sched_job(entity, work)
        with t.if_(job.failed):
            t.return_(-rf.ENOMEM)
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)


def two_processes(k: rf.Kernel, gpu: Gpu) -> None:
    browser = k.drm_sched_entity("browser", gpu.scheds[0])
    compositor = k.drm_sched_entity("compositor", gpu.scheds[1])
    page, screen = k.dma_resv("page"), k.dma_resv("screen")
    endless = k.gpu_job("endless shader", hang="infinite")
    frame = k.gpu_job("frame", run_time=rf.ms(16))

    @k.thread("browser")
    def browser_process(t: rf.Recorder) -> None:
        gpu.submit(t, browser, page, endless)

    @k.thread("compositor")
    def compositor_process(t: rf.Recorder) -> None:
        t.msleep(rf.ms(100))
        gpu.submit(t, compositor, screen, frame)
        t.dma_resv_wait_timeout(screen, rf.WRITE, False, rf.MAX_SCHEDULE_TIMEOUT)


spared = rf.scenario(drivers=[Gpu], name="spared")(two_processes)
RESETS_FAIL = rf.quiet(reset_failure=True)
given_up = rf.scenario(drivers=[Gpu], environment=RESETS_FAIL, name="given_up")(two_processes)

TOLD = re.compile(
    r"^hands |hangs in|timed out|loses|begins the work|(is|can't be) reset|is wedged|completes"
    r"|signals .*finished"
)
"""What of an execution is told."""


def story(execution: rf.Execution) -> None:
    """What happened, with its virtual time, and what became of the jobs."""
    for step in execution.steps:
        ms = execution.at(step.number + 1).now // rf.ms(1)
        for what in filter(TOLD.search, step.what):
            print(f"{ms:>6} ms  {what}")
    for fence in execution.at().fences:
        if fence.sort == "finished":
            print(f"           {fence.name}: {errno.errorcode[-fence.error] if fence.error else 'success'}")


def main() -> None:
    print("The engine is reset: the browser's job is lost, the compositor's is spared.\n")
    story(spared.run())
    print("\nNo reset works: the GPU is given up, and every fence that is left fails.\n")
    # Whether a reset fails is a choice of the environment: the first execution in which all of them do.
    executions = (given_up.run(f"random:{seed}") for seed in range(1000))
    story(next(e for e in executions if any("gpu is wedged" in step.what for step in e.steps)))


if __name__ == "__main__":
    main()
