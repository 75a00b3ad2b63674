//! JSON, as policies are written in.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_access::fuzzing::run("access_json", input);
});
