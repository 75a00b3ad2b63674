//! Policies, as a stranger may write them.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_access::fuzzing::run("access_policy", input);
});
