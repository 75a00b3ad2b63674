//! The engine's word in a manifest.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_disk::fuzzing::run("checkpoint_meta", input);
});
