//! `SUPPORTED`: what works, as data.
//!
//! The README's table is generated from it (`cargo xtask supported`), and the gate fails when the
//! two differ. xtask includes this file by its path, so it uses nothing of the crate.

/// Area, name and status of everything that is supported or will be asked for.
///
/// A status begins with `yes`, `partly`, `not yet` or `no`; what follows a colon narrows it.
pub const SUPPORTED: &[(&str, &str, &str)] = &[
    ("Stores", "in memory", "not yet"),
    ("Stores", "on local disk, one process at a time", "not yet"),
    ("Stores", "durability chosen per write", "not yet"),
    ("Stores", "several machines, cloud object stores", "not yet"),
    ("Objects", "put, get, head, delete, batch delete", "not yet"),
    ("Objects", "ranges, conditional reads and writes", "not yet"),
    ("Objects", "copy by reference, rename, append", "not yet"),
    ("Objects", "metadata and tags", "not yet"),
    ("Objects", "ETags and checksums (CRC64NVME, CRC32, CRC32C, SHA-1, SHA-256)", "not yet"),
    ("Objects", "multipart uploads", "not yet"),
    ("Buckets", "create, list, delete", "not yet"),
    ("Buckets", "listing with prefix, delimiter and pages", "not yet"),
    ("Buckets", "versioning and delete markers", "not yet"),
    ("Buckets", "object lock: retention and legal hold", "not yet"),
    ("Buckets", "events and a durable change feed", "not yet"),
    ("Buckets", "lifecycle rules and storage classes", "not yet"),
    ("Buckets", "encryption at rest", "not yet"),
    ("Buckets", "identities and policies", "not yet"),
    ("Streams", "shards, producers, consumers", "not yet"),
    ("Doors", "S3 and Kinesis over HTTP", "not yet"),
    ("Doors", "async facade", "not yet"),
];
