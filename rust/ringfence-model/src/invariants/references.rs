//! References to fences, counted anew.

use crate::dma_fence::flag;
use crate::dma_fence_cb::Callback;
use crate::sched_job::job_flag;
use crate::thread::NONE;
use crate::world::World;

impl World {
    /// How many references to each fence the kernel's objects have between two steps: reservations, syncobjs, files,
    /// containers, jobs, entities. What programs and functions under way have comes on top.
    pub fn recount_references(&self) -> Vec<u32> {
        let mut counts = vec![0; self.fences.list.len()];
        let mut count = |fence: u32| {
            if fence != NONE {
                counts[fence as usize] += 1;
            }
        };
        self.resvs.list.iter().flat_map(|resv| &resv.slots).for_each(|slot| count(slot.fence));
        self.sync.syncobjs.iter().for_each(|syncobj| count(syncobj.fence));
        self.sync.files.iter().filter_map(crate::sync_file::SyncFile::fence).for_each(&mut count);
        self.count_members(&mut count);
        self.count_jobs(&mut count);
        counts
    }

    fn is_whole(&self, fence: u32) -> bool {
        !self.fences.has(fence, flag::RELEASED)
    }

    fn count_members(&self, count: &mut impl FnMut(u32)) {
        use crate::dma_fence::FenceSort;
        for fence in (0..self.fences.list.len() as u32).filter(|&fence| self.is_whole(fence)) {
            match self.fences.get(fence).sort {
                FenceSort::Array(array) => {
                    let array = self.fences.arrays[array as usize];
                    let members = array.start as usize..(array.start + array.len) as usize;
                    self.fences.members[members].iter().for_each(|member| count(member.fence));
                }
                FenceSort::Chain(chain) => {
                    let chain = self.fences.chains[chain as usize];
                    count(chain.fence);
                    count(chain.prev);
                }
                _ => {}
            }
        }
    }

    /// A job has its finished fence, which has the scheduled one, which has the hardware's.
    fn count_jobs(&self, count: &mut impl FnMut(u32)) {
        for job in &*self.scheds.jobs {
            if job.has(job_flag::INIT | job_flag::ARMED) {
                count(job.finished);
            }
            if job.finished != NONE && self.is_whole(job.finished) {
                count(job.scheduled);
            }
            count(job.parent);
        }
        self.scheds.dependencies.iter().for_each(|dependency| count(dependency.fence));
        for entity in &*self.scheds.entities {
            count(entity.dependency);
            count(entity.last_scheduled);
        }
        // Whoever ends the jobs of an entity keeps what the next one waits for.
        let waits = self.fences.nodes.iter().filter(|node| matches!(node.callback, Callback::KillJob(_)));
        waits.for_each(|node| count(node.fence));
    }
}
