//! ISO 8601 and HTTP dates.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_storage_core::fuzzing::run("dates", input);
});
