//! Stored buckets.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_storage_core::fuzzing::run("row_bucket", input);
});
