//! Searches, judged by published counts and by brute force.

mod dpor_counts;
