//! A lifecycle policy as S3's XML.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_lifecycle::fuzzing::run("lifecycle_xml", input);
});
