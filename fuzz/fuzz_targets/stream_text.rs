//! Iterators, sequence numbers, hash keys and shard ids.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_stream::fuzzing::run("stream_text", input);
});
