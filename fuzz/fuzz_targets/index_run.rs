//! Whole files of sorted runs.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_disk::fuzzing::run("index_run", input);
});
