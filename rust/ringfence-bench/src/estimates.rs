//! Criterion's medians, read back from its files.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder that criterion writes into.
pub struct Estimates(PathBuf);

impl Estimates {
    /// An empty folder: what an earlier run left is removed.
    pub fn fresh(folder: &Path) -> Self {
        // It need not be there.
        drop(fs::remove_dir_all(folder));
        Self(folder.to_path_buf())
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The median of a benchmark in nanoseconds per iteration, if this run measured it.
    pub fn median(&self, group: &str, benchmark: &str) -> Option<f64> {
        let file = self.0.join(group).join(benchmark).join("new/estimates.json");
        let estimates: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        estimates["median"]["point_estimate"].as_f64()
    }
}
