//! What contexts are inside of: what a directed search asks.

use ringfence_base::{Holding, SiteId};

use super::execution::Executor;

impl Holding for Executor<'_> {
    fn holds(&mut self, context: u32, site: SiteId) -> bool {
        if site == SiteId::UNKNOWN {
            return false;
        }
        let Some(thread) = self.world().threads().get(context as usize) else { return false };
        thread.held().iter().any(|held| held.site == site)
            || thread.sections().iter().any(|section| section.site == site)
            || self.world().is_below(self.plan(), context, site)
    }
}
