"""A GPU driver's paths, told to the validator as the kernel would run them.

Three threads, none of which ever hangs in a test: a client that submits, the scheduler's worker that runs
jobs, and the hang recovery. The validator finds what they can do to each other.
"""

from ringfence import GFP_KERNEL, GFP_NOWAIT
from ringfence.lockdep import Task, Validator

v = Validator()
v.prime()  # the cross-driver contract, as dma_resv_lockdep() teaches it at boot

bo = v.dma_resv("bo")
vm_lock = v.lock("vm->lock")
ring_lock = v.lock("ring->lock", kind="spinlock")
reset_lock = v.lock("gpu->reset_lock", kind="rwsem")


def submit(t: Task) -> None:
    with t.ww_acquire_ctx() as ctx, t.dma_resv_lock(bo, ctx), t.mutex_lock(vm_lock):
        t.alloc(GFP_KERNEL)  # page tables: fine here, no fence is published yet


def fence_irq(t: Task) -> None:
    with t.hardirq(threaded=True), t.spin_lock(ring_lock):
        pass


def run_job(t: Task) -> None:
    with t.signalling():  # from here on a published fence depends on us
        with t.mutex_lock(vm_lock):
            t.alloc(GFP_NOWAIT)  # may fail, does not wait: fine
        with t.down_read(reset_lock), t.spin_lock_irqsave(ring_lock):
            pass


def timedout_job(t: Task) -> None:
    with t.down_write(reset_lock):
        t.dma_fence_wait()  # waits for the very jobs that run_job() can't push any more


submit(v.task("client"))
worker = v.task("kworker/run_job")
run_job(worker)
fence_irq(worker)
timedout_job(v.task("kworker/tdr"))

for finding in v.findings:
    print(finding, end="\n\n")
