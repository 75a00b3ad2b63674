//! A lifecycle policy as the AWS CLI's JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cistern_lifecycle::fuzzing::run("lifecycle_json", input);
});
