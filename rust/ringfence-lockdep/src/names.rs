//! Many short strings in one.

use core::ops::Index;

/// A list of names: a few bytes each besides the text, and no allocation of their own.
#[derive(Default)]
pub(crate) struct Names {
    text: String,
    /// Where each name ends.
    ends: Vec<usize>,
}

impl Names {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    pub(crate) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }
}

impl Index<usize> for Names {
    type Output = str;

    fn index(&self, name: usize) -> &str {
        let start = name.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[name]]
    }
}
