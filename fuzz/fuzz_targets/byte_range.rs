//! Range headers, as a stranger may write them.

#![no_main]

use cistern_storage_core::ByteRange;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &str)| {
    let (size, header) = input;
    let range = ByteRange::parse_header(header);
    if let Some(range) = range {
        // What was understood says the same when it is written down and read again.
        assert_eq!(ByteRange::parse_header(&range.to_string()), Some(range));
        if let Ok(bytes) = range.resolve(size) {
            assert!(bytes.start < bytes.end);
            assert!(bytes.end <= size);
        }
    }
    if let Ok(strict) = ByteRange::parse_copy_source(header) {
        // The strict form is one of the lenient ones, and what it resolves to is the same bytes.
        assert_eq!(range, Some(strict));
        if let Ok(bytes) = strict.resolve_copy_source(size) {
            assert_eq!(strict.resolve(size).ok(), Some(bytes));
        }
    }
});
