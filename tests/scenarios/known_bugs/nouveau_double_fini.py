"""nouveau: the scheduler of a channel is taken down twice.

Fixed by cac96c8d93fa and 2f5f05633e22. The path that undoes a failed creation finishes the scheduler, and
the end of the client that it belongs to does so again: works are cancelled and run-queues freed that are
gone.
"""

import ringfence as rf


class Nouveau(rf.Driver):
    forgets = True

    def setup(self, k: rf.Kernel) -> None:
        self.sched = k.drm_sched("channel", ring=k.ring("channel"), timeout=rf.s(10))
        self.entity = k.drm_sched_entity("client", self.sched)
        self.initialised = k.cell("initialised", 1)

    def channel_fini(self, t: rf.Recorder) -> None:
        """nouveau_abi16_ioctl_channel_alloc(), where it fails."""
        self.sched_fini(t)
        if not self.forgets:
            t.write_once(self.initialised, 0)

    def client_fini(self, t: rf.Recorder) -> None:
        """nouveau_cli_fini()."""
        with t.if_(t.read_once(self.initialised)):
            self.sched_fini(t)

    def sched_fini(self, t: rf.Recorder) -> None:
        t.drm_sched_entity_fini(self.entity)
        t.drm_sched_fini(self.sched)


def creation_fails(k: rf.Kernel, gpu: Nouveau) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.channel_fini(t)
        gpu.client_fini(t)


buggy = rf.scenario(drivers=[Nouveau], name="buggy")(creation_fails)
fixed = rf.scenario(drivers=[Nouveau(forgets=False)], name="fixed")(creation_fails)
