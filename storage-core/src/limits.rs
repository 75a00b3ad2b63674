//! `Limits`: how large, how many. Fixed ones are constants, the others come in presets.

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// The shortest bucket name. Law: S3, general purpose bucket naming rules.
pub const BUCKET_NAME_BYTES_MIN: usize = 3;
/// The longest bucket name. Law: S3, general purpose bucket naming rules.
pub const BUCKET_NAME_BYTES_MAX: usize = 63;
/// The longest key, in bytes of UTF-8. Law: S3, naming objects.
pub const KEY_BYTES_MAX: usize = 1024;
/// The largest object: as many of the largest parts as there may be, which S3 calls 50 TB.
/// Law: S3, multipart upload limits.
pub const OBJECT_BYTES_MAX: u64 = PARTS_MAX as u64 * PART_BYTES_MAX;
/// The largest object before December 2025. Law: S3, multipart upload limits of 2025.
pub const OBJECT_BYTES_MAX_2025: u64 = 5 * TIB;
/// The largest body that S3 takes in one put, or copies in one copy. Law: S3, multipart upload limits.
pub const SINGLE_BYTES_MAX: u64 = 5 * GIB;
/// The smallest part before the last. Law: S3, multipart upload limits.
pub const PART_BYTES_MIN: u64 = 5 * MIB;
/// The largest part. Law: S3, multipart upload limits.
pub const PART_BYTES_MAX: u64 = 5 * GIB;
/// The most parts of an upload, and the highest part number. Law: S3, multipart upload limits.
pub const PARTS_MAX: u32 = 10_000;
/// The longest page of keys, versions, parts or uploads. Law: S3, ListObjectsV2 page size.
pub const PAGE_MAX: usize = 1000;
/// The most keys of one `DeleteObjects`. Law: S3, DeleteObjects.
pub const DELETE_MANY_MAX: usize = 1000;
/// The longest page of buckets. Law: S3, general purpose bucket quotas.
pub const BUCKET_PAGE_MAX: usize = 10_000;
/// The most buckets, unless raised. Law: S3, general purpose bucket quotas.
pub const BUCKETS_MAX: u64 = 10_000;
/// The most user metadata, names and values together. Law: S3, working with object metadata.
pub const USER_METADATA_BYTES_MAX: usize = 2 << 10;
/// The most system metadata, names and values together. Law: S3, working with object metadata.
pub const SYSTEM_METADATA_BYTES_MAX: usize = 2 << 10;
/// The most tags of an object. Law: S3, object tags.
pub const OBJECT_TAGS_MAX: usize = 10;
/// The most tags of a bucket. Law: S3, bucket tags.
pub const BUCKET_TAGS_MAX: usize = 50;
/// The longest tag key, in UTF-16 code units. Law: S3, object tags.
pub const TAG_KEY_UNITS_MAX: usize = 128;
/// The longest tag value, in UTF-16 code units. Law: S3, object tags.
pub const TAG_VALUE_UNITS_MAX: usize = 256;
/// The longest default retention, in years. Law: S3, object lock default retention.
pub const RETENTION_YEARS_MAX: u32 = 100;
/// The longest default retention, in days. Law: S3, object lock default retention.
pub const RETENTION_DAYS_MAX: u32 = 36_500;
/// The longest client token of a rename. Law: S3, RenameObject.
pub const CLIENT_TOKEN_BYTES_MAX: usize = 64;

const _: () = assert!(OBJECT_BYTES_MAX >= 50_000_000_000_000, "50 TB, as a disk's maker counts");
const _: () = assert!(OBJECT_BYTES_MAX_2025 < OBJECT_BYTES_MAX);
const _: () = assert!(PART_BYTES_MIN < PART_BYTES_MAX);
const _: () = assert!(PART_BYTES_MAX == SINGLE_BYTES_MAX);
const _: () = assert!(DELETE_MANY_MAX <= PAGE_MAX, "what one page lists, one call deletes");
const _: () = assert!(BUCKET_NAME_BYTES_MIN < BUCKET_NAME_BYTES_MAX);
const _: () = assert!(RETENTION_DAYS_MAX == RETENTION_YEARS_MAX * 365);

/// The limits that a store can choose.
///
/// [`Limits::current`], the default, is today's S3 but for one thing: a single put or copy may be as
/// large as an object, since in one process no connection can break half way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest object.
    pub object_bytes_max: u64,
    /// The largest body of one put.
    pub put_bytes_max: u64,
    /// The largest source of one copy.
    pub copy_bytes_max: u64,
    /// The smallest part before the last.
    pub part_bytes_min: u64,
    /// The largest part.
    pub part_bytes_max: u64,
    /// The most parts, and the highest part number.
    pub parts_max: u32,
    /// The longest page of keys, versions, parts or uploads.
    pub page_max: usize,
    /// The most keys of one delete of many.
    pub delete_many_max: usize,
    /// The most buckets.
    pub buckets_max: u64,
}

impl Limits {
    /// S3's limits, with single puts and copies up to the object limit.
    ///
    /// Law: S3, multipart upload limits.
    #[must_use]
    pub const fn current() -> Self {
        Self { put_bytes_max: OBJECT_BYTES_MAX, copy_bytes_max: OBJECT_BYTES_MAX, ..Self::s3() }
    }

    /// S3's limits to the letter: 5 GB a put or copy, 50 TB an object.
    ///
    /// Law: S3, multipart upload limits.
    #[must_use]
    pub const fn s3() -> Self {
        Self {
            object_bytes_max: OBJECT_BYTES_MAX,
            put_bytes_max: SINGLE_BYTES_MAX,
            copy_bytes_max: SINGLE_BYTES_MAX,
            part_bytes_min: PART_BYTES_MIN,
            part_bytes_max: PART_BYTES_MAX,
            parts_max: PARTS_MAX,
            page_max: PAGE_MAX,
            delete_many_max: DELETE_MANY_MAX,
            buckets_max: BUCKETS_MAX,
        }
    }

    /// S3's limits before December 2025: 5 GB a put or copy, 5 TB an object.
    ///
    /// Law: S3, multipart upload limits of 2025.
    #[must_use]
    pub const fn s3_2025() -> Self {
        Self { object_bytes_max: OBJECT_BYTES_MAX_2025, ..Self::s3() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::current()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: S3, multipart upload limits.
    // Law-test: S3, multipart upload limits of 2025.
    #[test]
    fn the_presets() {
        assert_eq!(Limits::default(), Limits::current());
        assert_eq!(Limits::s3().object_bytes_max, 53_687_091_200_000);
        assert_eq!(Limits::s3().put_bytes_max, 5_368_709_120);
        assert_eq!(Limits::s3().part_bytes_min, 5_242_880);
        assert_eq!(Limits::s3_2025().object_bytes_max, 5_497_558_138_880);
        assert_eq!(Limits::s3_2025().copy_bytes_max, 5_368_709_120);
        assert_eq!(Limits::current().copy_bytes_max, Limits::current().object_bytes_max);
    }

    // Law-test: S3, ListObjectsV2 page size.
    // Law-test: S3, DeleteObjects.
    // Law-test: S3, general purpose bucket quotas.
    // Law-test: S3, RenameObject.
    #[test]
    fn pages_and_counts() {
        let limits = Limits::s3();
        assert_eq!((limits.page_max, limits.delete_many_max), (1000, 1000));
        assert_eq!((limits.parts_max, limits.buckets_max), (10_000, 10_000));
        assert_eq!((BUCKET_PAGE_MAX, CLIENT_TOKEN_BYTES_MAX), (10_000, 64));
    }
}
