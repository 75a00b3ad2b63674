//! Every kind of row, byte by byte, as `docs/format.md` describes it.
//!
//! A test here fails when a byte changes that is already in somebody's store. Then the row has a new
//! version, and the old one must still be read.

use super::{
    BodyRow, BucketRow, CompletedRow, Damage, Extent, HeadKey, ManifestRow, ObjectRow, PartEntry,
    PartRow, Rare, UploadRow, bucket_key, completed_key, counter_key, manifest_key, part_key,
    renamed_key, restoring_key, sequence_key, split_restoring, stamped_prefix, sweep_key,
    upload_key,
};
use crate::{
    bucket_config::{BucketConfig, ChangeFeed, LifecycleDocument},
    checksum::{Checksum, ChecksumAlgorithm, ChecksumType},
    etag::ETag,
    metadata::{Metadata, SystemHeader},
    object_lock::{
        DefaultRetention, LegalHold, ObjectLockConfig, Retention, RetentionMode, RetentionPeriod,
    },
    port::{BlobRef, Durability},
    restore::{Restore, RestoreTier},
    storage_class::StorageClass,
    tags::{BucketTags, Tags},
    time::{Days, Timestamp},
    version_id::VersionId,
    versioning::Versioning,
};
use bytes::Bytes;
use std::fmt::Debug;

/// The row has these fields, one after the other, and reads back from them.
#[track_caller]
fn check<T: Debug + PartialEq>(
    row: &T,
    encoded: &Bytes,
    decode: impl Fn(&Bytes) -> Result<T, Damage>,
    fields: &[&[u8]],
) {
    assert_eq!(encoded, &fields.concat(), "the format has changed");
    assert_eq!(decode(&Bytes::from(fields.concat())).as_ref(), Ok(row));
}

fn decode_object(bytes: &Bytes) -> Result<ObjectRow, Damage> {
    ObjectRow::decode(&bytes.clone().into())
}

fn object() -> ObjectRow {
    ObjectRow {
        seq: 0x0102,
        version: VersionId::Stamped { seq: 0x0102, tag: 0x0304 },
        modified: Timestamp::from_millis(0x0506),
        delete_marker: false,
        class: StorageClass::StandardIa,
        size: 4,
        etag: ETag::Md5([9; 16]),
        crc64: 0x0708,
        body: BodyRow::Inline("meow".into()),
        rare: None,
    }
}

fn rare() -> Rare {
    let metadata = Metadata::new().with(SystemHeader::CacheControl, "none").unwrap();
    Rare {
        metadata: metadata.with_user("who", "tom").unwrap(),
        tags: Tags::new().with("k", "v").unwrap(),
        checksum: Some(Checksum::of_bytes(ChecksumAlgorithm::Crc32, b"meow")),
        retention: Some(Retention {
            mode: RetentionMode::Compliance,
            until: Timestamp::from_millis(0x0a0b),
        }),
        legal_hold: Some(LegalHold::On),
        envelope: Some("seal".into()),
        restore: Some(Restore {
            requested: Timestamp::from_millis(1),
            tier: RestoreTier::Bulk,
            days: Some(Days(2)),
            completes: Timestamp::from_millis(3),
            expires: Some(Timestamp::from_millis(4)),
        }),
        entered: Some(Timestamp::from_millis(5)),
    }
}

/// What [`rare`] is stored as.
const RARE: &[&[u8]] = &[
    b"\x01",                                 // metadata
    b"\x01\0\0\0\x01\x04\0\0\0none",         // one header: Cache-Control
    b"\x01\0\0\0\x03\0\0\0who\x03\0\0\0tom", // one pair of the user's
    b"\x02",                                 // tags
    b"\x01\0\0\0\x01\0\0\0k\x01\0\0\0v",
    b"\x03", // checksum: its text, its algorithm
    b"\x08\0\0\0ihBq/g==\x01",
    b"\x04", // retention: its mode, its end
    b"\x02\x0b\x0a\0\0\0\0\0\0",
    b"\x05\x01",           // legal hold: on
    b"\x06\x04\0\0\0seal", // envelope
    b"\x07",               // restore: requested, tier, days, completes, expires
    b"\x01\0\0\0\0\0\0\0\x02\x01\x02\0\0\0",
    b"\x03\0\0\0\0\0\0\0\x01\x04\0\0\0\0\0\0\0",
    b"\x08\x05\0\0\0\0\0\0\0", // entry into the class
    b"\0",
];

fn extent(envelope: Option<Bytes>) -> Extent {
    Extent { blob: BlobRef::new(b"blob").unwrap(), offset: 1, len: 2, blob_len: 3, envelope }
}

const EXTENT: &[u8] = b"\x04blob\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0";

fn part() -> PartEntry {
    PartEntry {
        number: 0x0102,
        size: 3,
        crc64: 4,
        checksum: Some("sum".into()),
        extents: vec![extent(None), extent(Some("seal".into()))],
    }
}

/// What [`part`] is stored as.
const PART: &[&[u8]] = &[
    b"\x02\x01",           // number
    b"\x03\0\0\0\0\0\0\0", // size
    b"\x04\0\0\0\0\0\0\0", // CRC-64/NVME
    b"\x01\x03\0\0\0sum",  // checksum
    b"\x02\0\0\0",         // extents
    EXTENT,
    b"\0",
    EXTENT,
    b"\x01\x04\0\0\0seal",
];

#[test]
fn an_object_with_its_body_in_the_row_is_as_it_was() {
    let row = object();
    check(
        &row,
        &row.encode().into_bytes(),
        decode_object,
        &[
            b"\x01\0\x02\0",         // format, flags, class, place of the body
            b"\x02\x01\0\0\0\0\0\0", // sequence
            b"\x04\x03\0\0\0\0\0\0", // the version's tag
            b"\x06\x05\0\0\0\0\0\0", // modified
            b"\x04\0\0\0\0\0\0\0",   // size
            b"\x08\x07\0\0\0\0\0\0", // CRC-64/NVME
            b"\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09",
            b"meow",
        ],
    );
}

#[test]
fn an_object_with_everything_that_is_rare_is_as_it_was() {
    let etag = ETag::Multipart { digest: [9; 16], parts: 2 };
    let body = BodyRow::Manifest { id: 0x0c, parts: 2, visible: true };
    let row = ObjectRow { etag, body, rare: Some(Box::new(rare())), ..object() };
    let head: &[&[u8]] = &[
        b"\x01\x0c\x02\x02",
        b"\x02\x01\0\0\0\0\0\0",
        b"\x04\x03\0\0\0\0\0\0",
        b"\x06\x05\0\0\0\0\0\0",
        b"\x04\0\0\0\0\0\0\0",
        b"\x08\x07\0\0\0\0\0\0",
        b"\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x02\0\0\0",
    ];
    let manifest: &[&[u8]] = &[b"\x0c\0\0\0\0\0\0\0", b"\x02\0\0\0"];
    check(&row, &row.encode().into_bytes(), decode_object, &[head, RARE, manifest].concat());
}

#[test]
fn a_null_version_in_a_blob_and_a_delete_marker_are_as_they_were() {
    let row = ObjectRow {
        version: VersionId::Null,
        etag: ETag::Opaque([9; 16]),
        body: BodyRow::Extents(vec![extent(None)]),
        ..object()
    };
    let middle: &[u8] = b"\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\x05\0\0\0\0\0\0\
        \x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0";
    let etag: &[u8] = b"\x02\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09";
    check(
        &row,
        &row.encode().into_bytes(),
        decode_object,
        &[b"\x01\x02\x02\x01", middle, etag, b"\x01\0\0\0", EXTENT, b"\0"],
    );
    let body = BodyRow::Inline(Bytes::new());
    let row = ObjectRow { delete_marker: true, body, ..row };
    check(&row, &row.encode().into_bytes(), decode_object, &[b"\x01\x03\x02\0", middle, etag]);
}

#[test]
fn the_parts_of_a_body_are_as_they_were() {
    let row = ManifestRow { parts: vec![part()] };
    let fields = [&[&b"\x01"[..], b"\x01\0\0\0"][..], PART].concat();
    check(&row, &ManifestRow::encode(&row.parts), ManifestRow::decode, &fields);
}

#[test]
fn an_upload_and_its_parts_are_as_they_were() {
    let upload = UploadRow {
        tag: 1,
        initiated: Timestamp::from_millis(2),
        class: StorageClass::Glacier,
        algorithm: ChecksumAlgorithm::Sha256,
        checksum_type: ChecksumType::Composite,
        current_at_start: Some(3),
        rare: rare(),
    };
    let head: &[&[u8]] = &[
        b"\x01",
        b"\x01\0\0\0\0\0\0\0",     // tag
        b"\x02\0\0\0\0\0\0\0",     // initiated
        b"\x06\x04\x01",           // class, algorithm, composite
        b"\x01\x03\0\0\0\0\0\0\0", // what was current when it began
    ];
    check(&upload, &upload.encode(), UploadRow::decode, &[head, RARE].concat());
    let row =
        PartRow { etag: ETag::Md5([9; 16]), modified: Timestamp::from_millis(1), entry: part() };
    let head: &[&[u8]] = &[
        b"\x01",
        b"\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09",
        b"\x01\0\0\0\0\0\0\0", // modified
    ];
    check(&row, &row.encode(), PartRow::decode, &[head, PART].concat());
}

#[test]
fn the_answer_of_a_completed_upload_is_as_it_was() {
    let row = CompletedRow {
        at: Timestamp::from_millis(1),
        request: 2,
        version: VersionId::Stamped { seq: 3, tag: 4 },
        modified: Timestamp::from_millis(5),
        etag: ETag::Multipart { digest: [9; 16], parts: 6 },
        size: 7,
        checksum: Checksum::of_bytes(ChecksumAlgorithm::Crc32, b"meow"),
    };
    check(
        &row,
        &row.encode(),
        CompletedRow::decode,
        &[
            b"\x01",
            b"\x01\0\0\0\0\0\0\0",                       // when
            b"\x02\0\0\0\0\0\0\0",                       // digest of the request
            b"\x01\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0", // version; 0 is the null one
            b"\x05\0\0\0\0\0\0\0",                       // modified
            b"\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x06\0\0\0",
            b"\x07\0\0\0\0\0\0\0",     // size
            b"\x01\x08\0\0\0ihBq/g==", // checksum
        ],
    );
}

#[test]
fn a_bucket_is_as_it_was() {
    let retention = DefaultRetention::new(RetentionMode::Governance, RetentionPeriod::Years(2));
    let row = BucketRow {
        id: 1,
        created: Timestamp::from_millis(2),
        config: BucketConfig {
            versioning: Versioning::Enabled,
            durability: Some(Durability::Os),
            change_feed: ChangeFeed::On,
            object_lock: Some(ObjectLockConfig { default_retention: Some(retention.unwrap()) }),
            tags: BucketTags::new().with("k", "v").unwrap(),
            lifecycle: None,
        },
    };
    let fields: &[&[u8]] = &[
        b"\x01",
        b"\x01\0\0\0",                       // id
        b"\x02\0\0\0\0\0\0\0",               // created
        b"\x01",                             // versioning
        b"\x01\x01",                         // durability
        b"\x01",                             // change feed
        b"\x01\x01\x01\x01\x02\0\0\0",       // object lock: mode, in years, how many
        b"\x01\0\0\0\x01\0\0\0k\x01\0\0\0v", // tags
    ];
    check(&row, &row.encode(), BucketRow::decode, fields);
    let lifecycle = Some(LifecycleDocument::new("<L/>", "all"));
    let row = BucketRow { config: BucketConfig { lifecycle, ..row.config }, ..row };
    let more: &[&[u8]] = &[b"\x01\x04\0\0\0<L/>\x03\0\0\0all"];
    check(&row, &row.encode(), BucketRow::decode, &[fields, more].concat());
}

#[test]
fn keys_of_rows_are_as_they_were() {
    #[track_caller]
    fn check(key: &[u8], expected: &[u8]) {
        assert_eq!(key, expected, "the format has changed");
    }
    let head = HeadKey::new(0x0102, "a\0b");
    check(&sequence_key(), b"\x01seq");
    check(&bucket_key("cats"), b"\x02cats");
    check(&head.row().to_bytes(), b"\x03\0\0\x01\x02a\0\xffb\0\x01\0");
    check(
        &head.noncurrent(3),
        b"\x03\0\0\x01\x02a\0\xffb\0\x01\x01\xff\xff\xff\xff\xff\xff\xff\xfc",
    );
    check(&upload_key(2, "a", 3), b"\x04\0\0\0\x02a\0\x01\0\0\0\0\0\0\0\x03");
    check(&part_key(2, 3, 4), b"\x05\0\0\0\x02\0\0\0\0\0\0\0\x03\0\x04");
    check(&manifest_key(3, 4), b"\x06\0\0\0\0\0\0\0\x03\0\0\0\x04");
    check(&stamped_prefix(2), b"\x07\0\0\0\x02");
    check(&completed_key(2, 3), b"\x08\0\0\0\x02\0\0\0\0\0\0\0\x03");
    check(&renamed_key(2, "token"), b"\x09\0\0\0\x02token");
    let due = Timestamp::from_millis(-2);
    let restoring = b"\x0b\0\0\0\x02\x7f\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0\0\0\0\x03";
    check(&restoring_key(2, due, 3), restoring);
    assert_eq!(split_restoring(restoring), Some((due, 3)));
    check(&sweep_key(2), b"\x0a\0\0\0\x02");
    check(&counter_key(2, 3, 4), b"\0\0\0\x02\x03\x04");
}
