//! `SUPPORTED`: what works, as data.
//!
//! The README's table is generated from it (`cargo xtask supported`). The gate fails when the two
//! differ, and when a row that claims something names no test, or one that does not exist: so the
//! table cannot lie. xtask includes this file by its path, so it uses nothing of the crate.

/// Area, name and status of everything that is supported or will be asked for, and the tests that
/// prove it.
///
/// A status begins with `yes`, `partly`, `not yet` or `no`; what follows a colon narrows it.
pub const SUPPORTED: &[(&str, &str, &str, &[&str])] = &[
    ("Stores", "in memory", "yes", &["what_was_put_is_got"]),
    ("Stores", "several machines, cloud object stores", "not yet", &[]),
    ("Streams", "shards, producers, consumers", "not yet", &[]),
    ("Doors", "S3 and Kinesis over HTTP", "not yet", &[]),
    ("Doors", "async facade", "not yet", &[]),
];
