//! Records that one carries.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_stream::fuzzing::run("stream_aggregate", input);
});
