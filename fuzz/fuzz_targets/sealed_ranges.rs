//! Places of ranges in sealed containers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_crypto::fuzzing::run("sealed_ranges", input);
});
