//! Records of a shard that were committed together.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_stream::fuzzing::run("stream_chunk", input);
});
