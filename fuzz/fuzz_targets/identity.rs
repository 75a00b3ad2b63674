//! The identity of a store.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_disk::fuzzing::run("identity", input);
});
