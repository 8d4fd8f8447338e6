//! See `ringfence_fuzz::validator_vs_reference`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringfence_fuzz::validator_vs_reference::run(data));
