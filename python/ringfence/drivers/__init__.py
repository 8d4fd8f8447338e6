"""Driver models that keep the contract: what a driver does about work that hangs.

`SchedGpu` hands its jobs to ``drm_sched``, `RingGpu` puts them on its rings itself. Both take one *policy*,
which says when work has hung, and one *recovery*, which says what is done about it, in any combination:

>>> import ringfence as rf
>>> from ringfence.drivers import ForwardProgress, FullReset, SchedGpu
>>> @rf.scenario(drivers=[SchedGpu(policy=ForwardProgress, recovery=FullReset)], environment=rf.contract())
... def submit(k, gpu):
...     bo, context = k.dma_resv("bo"), gpu.context(k, "client")
...
...     @k.thread("client")
...     def client(t):
...         gpu.submit(t, context, bo, k.gpu_job("draw", run_time=rf.ms(1), hang="infinite"))
>>> rf.check(submit, budget=100).ok
True

All of them are there to be read, and to derive from: a driver that differs in one method shows what that
method is for.
"""

from ringfence.drivers._gpu import GpuDriver, GpuRing
from ringfence.drivers._policy import FixedTimeout, ForwardProgress, HangPolicy, NoTimeout
from ringfence.drivers._recovery import EngineReset, ForceCompletion, FullReset, Recovery
from ringfence.drivers._rings import HangcheckRing, RingGpu
from ringfence.drivers._sched import SchedGpu, SchedRing, UserContext

__all__ = [
    "EngineReset",
    "FixedTimeout",
    "ForceCompletion",
    "ForwardProgress",
    "FullReset",
    "GpuDriver",
    "GpuRing",
    "HangPolicy",
    "HangcheckRing",
    "NoTimeout",
    "Recovery",
    "RingGpu",
    "SchedGpu",
    "SchedRing",
    "UserContext",
]
