//! Entry points for fuzzers: one function a decoder. Not an interface: it may change with any commit.
//!
//! Each takes any bytes, does not panic, and takes memory in proportion to them. True says that the
//! bytes were understood; what was understood is written down and read again, and must be the same.

use crate::{
    BucketName, ByteRange, Checksum, ChecksumAlgorithm, Cursor, ETag, Metadata, ObjectKey,
    Partitioning, SystemHeader, Tags, Timestamp, VersionId, changes, hex,
    listing::Resume,
    row::{BucketRow, CompletedRow, Damage, ManifestRow, ObjectRow, PartRow, UploadRow},
};
use bytes::Bytes;
use std::{fmt::Debug, str::FromStr};

/// Takes any bytes; true when they were understood.
pub type Target = fn(&[u8]) -> bool;

/// Every entry point, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("byte_range", byte_range),
    ("change_cursor", text_form::<Cursor>),
    ("change_row", change_row),
    ("checksum", checksum),
    ("dates", dates),
    ("etag", text_form::<ETag>),
    ("list_token", list_token),
    ("metadata", metadata),
    ("partition_key", partition_key),
    ("row_bucket", row_bucket),
    ("row_completed", row_completed),
    ("row_manifest", row_manifest),
    ("row_object", row_object),
    ("row_part", row_part),
    ("row_upload", row_upload),
    ("tags", tags),
    ("version_id", text_form::<VersionId>),
];

/// Runs the entry point `name`.
///
/// # Panics
/// When there is none, and when the decoder is wrong.
pub fn run(name: &str, input: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("targets name entry points that exist").1(input)
}

/// A row's decoder and encoder agree.
fn stored<T: Debug + PartialEq>(
    input: &[u8],
    decode: fn(&Bytes) -> Result<T, Damage>,
    encode: fn(&T) -> Bytes,
) -> bool {
    let Ok(row) = decode(&Bytes::copy_from_slice(input)) else { return false };
    assert_eq!(decode(&encode(&row)).as_ref(), Ok(&row));
    true
}

fn row_object(input: &[u8]) -> bool {
    stored(input, |row| ObjectRow::decode(&row.clone().into()), |row| row.encode().into_bytes())
}

fn row_bucket(input: &[u8]) -> bool {
    stored(input, BucketRow::decode, BucketRow::encode)
}

fn row_upload(input: &[u8]) -> bool {
    stored(input, UploadRow::decode, UploadRow::encode)
}

fn row_part(input: &[u8]) -> bool {
    stored(input, PartRow::decode, PartRow::encode)
}

fn row_completed(input: &[u8]) -> bool {
    stored(input, CompletedRow::decode, CompletedRow::encode)
}

fn row_manifest(input: &[u8]) -> bool {
    stored(input, ManifestRow::decode, |row| ManifestRow::encode(&row.parts))
}

fn change_row(input: &[u8]) -> bool {
    let name = BucketName::try_from("bucket").expect("it is a name");
    let key = changes::change_key(9, 8, 1);
    let decode = |row: Bytes| changes::decode(9, &name, &key, &row);
    let Ok(change) = decode(Bytes::copy_from_slice(input)) else { return false };
    let again = decode(changes::encode(change.event())).expect("it was just encoded");
    assert_eq!(again, change);
    true
}

/// What a text says, said again.
fn text_form<T: FromStr + ToString + PartialEq + Debug>(input: &[u8]) -> bool {
    let Some(value) = text(input).and_then(|text| text.parse::<T>().ok()) else { return false };
    assert_eq!(value.to_string().parse::<T>().ok().as_ref(), Some(&value));
    true
}

fn list_token(input: &[u8]) -> bool {
    let Some(resume) = text(input).and_then(|text| Resume::from_token(text).ok()) else {
        return false;
    };
    assert_eq!(Resume::from_token(&resume.to_token()).ok(), Some(resume));
    true
}

/// Range headers, as a stranger may write them; the first eight bytes are the object's size.
fn byte_range(input: &[u8]) -> bool {
    let Some((size, header)) = input.split_first_chunk::<8>() else { return false };
    let (size, Some(header)) = (u64::from_le_bytes(*size), text(header)) else { return false };
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
    range.is_some()
}

fn tags(input: &[u8]) -> bool {
    let Some(tags) = text(input).and_then(|text| Tags::parse_query(text).ok()) else {
        return false;
    };
    assert_eq!(Tags::parse_query(&tags.to_string()).ok(), Some(tags));
    true
}

/// Names and values by turns, a line each.
fn metadata(input: &[u8]) -> bool {
    let Some(text) = text(input) else { return false };
    let (mut metadata, mut taken) = (Metadata::default(), false);
    let mut lines = text.split('\n');
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        let header = SystemHeader::ALL.iter().find(|header| header.as_str() == name);
        let next = match header {
            Some(header) => metadata.clone().with(*header, value),
            None => metadata.clone().with_user(name, value),
        };
        if let Ok(next) = next {
            assert!(next.user_pairs().any(|(_, found)| found == value) || header.is_some());
            (metadata, taken) = (next, true);
        }
    }
    let system = metadata.system_headers().map(|(header, value)| (header, value.into())).collect();
    let user = metadata.user_pairs().map(|(name, value)| (name.into(), value.into())).collect();
    assert_eq!(Metadata::from_stored(system, user), Some(metadata));
    taken
}

/// The first byte chooses the algorithm.
fn checksum(input: &[u8]) -> bool {
    let Some((first, rest)) = input.split_first() else { return false };
    let Some(algorithm) = ChecksumAlgorithm::from_code(*first % 8) else { return false };
    let parse = |text: &str| Checksum::parse(algorithm, text).ok();
    let Some(checksum) = text(rest).and_then(parse) else { return false };
    assert_eq!(parse(&checksum.to_string()), Some(checksum));
    true
}

fn dates(input: &[u8]) -> bool {
    let Some(text) = text(input) else { return false };
    let iso = Timestamp::parse_iso8601(text);
    if let Some(time) = iso {
        assert_eq!(Timestamp::parse_iso8601(&time.to_iso8601()), Some(time));
    }
    let http = Timestamp::parse_http_date(text);
    if let Some(time) = http {
        assert_eq!(Timestamp::parse_http_date(&time.to_http_date()), Some(time));
    }
    let _ = hex::decode(input);
    iso.is_some() || http.is_some()
}

/// Keys of a partitioned prefix, in both styles.
fn partition_key(input: &[u8]) -> bool {
    let Some(key) = text(input).and_then(|text| ObjectKey::try_from(text).ok()) else {
        return false;
    };
    let styles = [Partitioning::hive("events/"), Partitioning::plain("events/")];
    let mut understood = false;
    for style in styles {
        let style = style.text("tenant").padded("shard", 3).year().month().day();
        let style = style.build().expect("it is a partitioning");
        if let Ok((values, file)) = style.parse(&key) {
            assert_eq!(style.key(&values, file).ok().as_ref(), Some(&key));
            understood = true;
        }
    }
    understood
}

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Inputs that are understood, for a fuzzer to begin with.
#[must_use]
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match name {
        "byte_range" => {
            let with_size = |text: &&str| [&100_u64.to_le_bytes(), text.as_bytes()].concat();
            ["bytes=0-9", "bytes=90-", "bytes=-5"].iter().map(with_size).collect()
        }
        "change_cursor" => texts(&[&Cursor::start().to_string(), &seed::cursor().to_string()]),
        "change_row" => vec![changes::encode(&seed::event()).to_vec()],
        "checksum" => seed::checksums(),
        "dates" => texts(&["2024-02-29T23:59:59.999Z", "Thu, 29 Feb 2024 23:59:59 GMT"]),
        "etag" => {
            texts(&["0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef-7"])
        }
        "list_token" => {
            let key = Resume::Key("a/key".into()).to_token();
            texts(&[&key, &Resume::Version("a/key".into(), 7).to_token()])
        }
        "metadata" => texts(&["Content-Type\ntext/plain\nColour\nred", "name\n"]),
        "partition_key" => texts(&[
            "events/tenant=a/shard=007/year=2024/month=02/day=29/file",
            "events/a/007/2024/02/29/file",
        ]),
        "row_bucket" => vec![seed::bucket().encode().to_vec()],
        "row_completed" => vec![seed::completed().encode().to_vec()],
        "row_manifest" => vec![ManifestRow::encode(&[seed::part().entry]).to_vec()],
        "row_object" => {
            seed::objects().iter().map(|row| row.encode().into_bytes().to_vec()).collect()
        }
        "row_part" => vec![seed::part().encode().to_vec()],
        "row_upload" => vec![seed::upload().encode().to_vec()],
        "tags" => texts(&["a=b&c=d+e", "colour=%C3%BC&empty"]),
        "version_id" => texts(&["null", &VersionId::Stamped { seq: 3, tag: 4 }.to_string()]),
        _ => Vec::new(),
    }
}

/// Values to begin with.
mod seed {
    use super::{BucketRow, Checksum, ChecksumAlgorithm, CompletedRow, Cursor, ETag, ObjectRow};
    use super::{Metadata, PartRow, Tags, Timestamp, UploadRow, VersionId, changes};
    use crate::{
        BucketName, ChecksumType, Days, Event, EventName, LegalHold, ObjectKey, Restore,
        RestoreTier, Retention, RetentionMode, StorageClass,
        bucket_config::BucketConfig,
        port::{BlobRef, Position},
        row::{BodyRow, Extent, PartEntry, Rare},
    };

    const VERSION: VersionId = VersionId::Stamped { seq: 3, tag: 4 };
    const ETAG: ETag = ETag::Multipart { digest: [6; 16], parts: 2 };

    fn time() -> Timestamp {
        Timestamp::from_millis(1_700_000_000_123)
    }

    pub(super) fn event() -> Event {
        Event {
            name: EventName::ObjectCreatedPut,
            time: time(),
            bucket: BucketName::try_from("bucket").expect("it is a name"),
            key: ObjectKey::from_static("cat"),
            version: Some(VERSION),
            size: Some(5),
            etag: Some(ETAG),
            sequencer: 7,
            position: Position(8),
        }
    }

    pub(super) fn cursor() -> Cursor {
        let event = event();
        let key = changes::change_key(9, 8, 1);
        let change = changes::decode(9, &event.bucket, &key, &changes::encode(&event));
        change.expect("it was just encoded").cursor()
    }

    pub(super) fn checksums() -> Vec<Vec<u8>> {
        let algorithms =
            (0..8).filter_map(|code| Some((code, ChecksumAlgorithm::from_code(code)?)));
        let full = algorithms.map(|(code, algorithm)| {
            let text = Checksum::of_bytes(algorithm, b"cat").to_string();
            [&[code], text.as_bytes()].concat()
        });
        full.collect()
    }

    pub(super) fn bucket() -> BucketRow {
        BucketRow { id: 9, created: time(), config: BucketConfig::default() }
    }

    fn extent() -> Extent {
        let blob = BlobRef::new(b"blob").expect("a short name");
        Extent { blob, offset: 1, len: 2, blob_len: 4, envelope: Some("e".into()) }
    }

    pub(super) fn part() -> PartRow {
        let extents = vec![extent()];
        let entry = PartEntry { number: 1, size: 2, crc64: 3, checksum: None, extents };
        PartRow { etag: ETag::Md5([1; 16]), modified: time(), entry }
    }

    fn rare() -> Rare {
        let metadata = Metadata::default().with_user("colour", "red").expect("it is small");
        let metadata = metadata.with_content_type("text/plain").expect("it is small");
        Rare {
            metadata,
            tags: Tags::parse_query("a=b").expect("they are tags"),
            checksum: Some(Checksum::of_bytes(ChecksumAlgorithm::Sha256, b"cat")),
            retention: Some(Retention { mode: RetentionMode::Governance, until: time() }),
            legal_hold: Some(LegalHold::On),
            envelope: Some("sealed".into()),
            restore: Some(Restore {
                requested: time(),
                tier: RestoreTier::Standard,
                days: Some(Days(1)),
                completes: time(),
                expires: Some(time()),
            }),
            entered: Some(time()),
        }
    }

    pub(super) fn upload() -> UploadRow {
        UploadRow {
            tag: 1,
            initiated: time(),
            class: StorageClass::Standard,
            algorithm: ChecksumAlgorithm::Crc64Nvme,
            checksum_type: ChecksumType::FullObject,
            current_at_start: Some(5),
            rare: rare(),
        }
    }

    pub(super) fn completed() -> CompletedRow {
        CompletedRow {
            at: time(),
            request: 1,
            version: VERSION,
            modified: time(),
            etag: ETAG,
            size: 3,
            checksum: Checksum::of_crc64(9),
        }
    }

    pub(super) fn objects() -> Vec<ObjectRow> {
        let bodies = [
            BodyRow::Inline("cat".into()),
            BodyRow::Extents(vec![extent(), extent()]),
            BodyRow::Manifest { id: 5, parts: 2, visible: true },
        ];
        let object = |body| ObjectRow {
            seq: 3,
            version: VERSION,
            modified: time(),
            delete_marker: false,
            class: StorageClass::Standard,
            size: 3,
            etag: ETAG,
            crc64: 1,
            body,
            rare: Some(Box::new(rare())),
        };
        bodies.into_iter().map(object).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::Index};

    #[test]
    fn every_entry_point_understands_its_seeds() {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            assert!(!seeds.is_empty(), "{name}");
            seeds.iter().for_each(|seed| {
                assert!(target(seed), "{name}: {}", String::from_utf8_lossy(seed));
            });
        }
    }

    #[test]
    fn every_entry_point_has_a_fuzz_target() {
        let targets = include_str!("../../fuzz/Cargo.toml");
        for (name, _) in TARGETS {
            assert!(targets.contains(&format!("name = \"{name}\"\n")), "{name}");
        }
    }

    /// `CISTERN_FUZZ_CORPUS` names the folder in which every target has one for its inputs.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "fuzzers read files")]
    fn the_seeds_are_written_where_a_fuzzer_asks_for_them() {
        let Some(corpus) = std::env::var_os("CISTERN_FUZZ_CORPUS") else { return };
        for (name, _) in TARGETS {
            let folder = std::path::Path::new(&corpus).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for (number, seed) in seeds(name).into_iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8_000))]

        #[test]
        fn no_entry_point_panics_on_any_bytes(
            input in prop::collection::vec(any::<u8>(), 0..200),
            number in 0..TARGETS.len(),
        ) {
            TARGETS[number].1(&input);
        }

        #[test]
        fn no_entry_point_panics_on_a_seed_with_changes(
            number in 0..TARGETS.len(),
            seed in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            cut in any::<Option<Index>>(),
        ) {
            let (name, target) = TARGETS[number];
            let mut input = seed.get(&seeds(name)).clone();
            for (place, byte) in changes {
                let place = place.index(input.len());
                input[place] = byte;
            }
            if let Some(cut) = cut {
                input.truncate(cut.index(input.len()));
            }
            target(&input);
        }

        #[test]
        fn no_entry_point_panics_on_any_text(input in "\\PC{0,60}", number in 0..TARGETS.len()) {
            TARGETS[number].1(input.as_bytes());
        }
    }
}
