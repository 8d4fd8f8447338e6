//! See `ringfence_fuzz::trace_ops`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringfence_fuzz::trace_ops::run(data));
