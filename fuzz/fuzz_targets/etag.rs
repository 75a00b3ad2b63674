//! Entity tags, as text.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_storage_core::fuzzing::run("etag", input);
});
