//! Where contexts are, and what they are inside of: what a directed search asks.

use ringfence_base::{Action, Holding, Located, SiteId};

use super::execution::Executor;

impl Located for Executor<'_> {
    fn site(&mut self, action: Action) -> SiteId {
        match action {
            Action::Run(context) => self.world().site(self.plan(), context),
            Action::Interrupt { .. } | Action::Expire => SiteId::UNKNOWN,
        }
    }
}

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
