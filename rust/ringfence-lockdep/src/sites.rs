//! Interned places in the code.

use ringfence_base::{Place, SiteId};
use rustc_hash::FxHashMap;

/// Each distinct place once; site 0 is the unknown place.
pub(crate) struct Sites {
    places: Vec<Place>,
    ids: FxHashMap<Place, SiteId>,
}

impl Default for Sites {
    fn default() -> Self {
        Self { places: vec![Place::default()], ids: FxHashMap::default() }
    }
}

impl Sites {
    pub(crate) fn clear(&mut self) {
        self.places.truncate(1);
        self.ids.clear();
    }

    pub(crate) fn intern(&mut self, place: Place) -> SiteId {
        if place == Place::default() {
            return SiteId::UNKNOWN;
        }
        if let Some(site) = self.ids.get(&place) {
            return *site;
        }
        let site = SiteId::new(self.places.len());
        self.places.push(place.clone());
        self.ids.insert(place, site);
        site
    }

    pub(crate) fn place(&self, site: SiteId) -> &Place {
        &self.places[site.index()]
    }
}
