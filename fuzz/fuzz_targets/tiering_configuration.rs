//! A configuration of intelligent tiering, as XML or JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_lifecycle::fuzzing::run("tiering_configuration", input);
});
