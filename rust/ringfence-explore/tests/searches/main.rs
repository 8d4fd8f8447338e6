//! Searches and strategies, judged by closed formulas, by naive recursion, and by one another.

mod dfs;
mod fairness;
mod pct;
mod reference;
mod states;
mod swarm;
