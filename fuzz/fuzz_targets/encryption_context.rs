//! Encryption contexts, as JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_crypto::fuzzing::run("encryption_context", input);
});
