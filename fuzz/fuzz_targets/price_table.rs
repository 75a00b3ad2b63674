//! A price table.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_lifecycle::fuzzing::run("price_table", input);
});
