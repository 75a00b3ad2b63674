//! Instruction files of client-side encryption.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_crypto::fuzzing::run("client_instruction", input);
});
