//! Searches, judged by published counts and by brute force.

mod dpor_brute;
mod dpor_counts;
mod dpor_limits;
mod naive;
mod random_programs;
