//! Patterns with wildcards and variables.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_access::fuzzing::run("access_pattern", input);
});
