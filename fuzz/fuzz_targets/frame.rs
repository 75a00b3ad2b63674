//! Frames of the log.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_disk::fuzzing::run("frame", input);
});
