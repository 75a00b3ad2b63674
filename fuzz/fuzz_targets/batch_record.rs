//! Commits, as a frame holds them.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_disk::fuzzing::run("batch_record", input);
});
