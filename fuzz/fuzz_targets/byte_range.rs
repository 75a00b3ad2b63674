//! Range headers, as a stranger may write them.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_storage_core::fuzzing::run("byte_range", input);
});
