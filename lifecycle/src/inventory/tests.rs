use super::*;
use crate::{Days, LifecyclePolicy, Place, Rule, VersionFacts};
use cistern_storage_core::{
    LegalHold, PutOptions, Retention, RetentionMode, StorageClass, Store, Timestamp, Versioning,
};
use flate2::read::GzDecoder;
use md5::{Digest, Md5};
use std::io::Read as _;

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

fn name(text: &str) -> BucketName {
    BucketName::try_from(text).unwrap()
}

fn configuration() -> InventoryConfiguration {
    InventoryConfiguration::new("daily", name("source"), name("reports"))
        .unwrap()
        .destination_prefix("inventories/")
}

fn rows(file: &ReportFile) -> Vec<String> {
    let mut text = String::new();
    GzDecoder::new(&file.bytes[..]).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn store() -> cistern_storage_core::Bucket {
    let bucket = Store::in_memory().create_bucket("source").unwrap();
    bucket.set_versioning(Versioning::Enabled).unwrap();
    let options = PutOptions::new().storage_class(StorageClass::Glacier);
    bucket.put_with("a b/\"\u{e9}\".txt", "meow", &options).unwrap();
    bucket.put("gone", "x").unwrap();
    bucket.delete("gone").unwrap();
    bucket
}

fn report(configuration: InventoryConfiguration, rows_max: usize) -> Vec<ReportFile> {
    let bucket = store();
    let mut writer =
        InventoryWriter::new(configuration, at("2026-11-24T17:05:59Z")).rows_max(rows_max);
    let mut files = Vec::new();
    for info in bucket.list_versions("") {
        files.extend(writer.push(&InventoryRecord::of(&info.unwrap())));
    }
    files.extend(writer.finish());
    files
}

// Law-test: S3, inventory manifest.
#[test]
fn a_report_ends_with_its_manifest_and_the_checksum_of_that() {
    let files = report(configuration(), 100);
    let folder = "inventories/source/daily";
    let keys: Vec<_> = files.iter().map(|file| file.key.as_str()).collect();
    assert!(keys[0].starts_with(&format!("{folder}/data/")), "{keys:?}");
    assert_eq!(keys[1], format!("{folder}/hive/dt=2026-11-24-17-05/symlink.txt"));
    assert_eq!(keys[2], format!("{folder}/2026-11-24T17-05Z/manifest.json"));
    assert_eq!(keys[3], format!("{folder}/2026-11-24T17-05Z/manifest.checksum"));
    let hex: String = Md5::digest(&files[2].bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(files[3].bytes, hex.as_bytes());
    let manifest: serde_json::Value = serde_json::from_slice(&files[2].bytes).unwrap();
    assert_eq!(manifest["sourceBucket"], "source");
    assert_eq!(manifest["destinationBucket"], "arn:aws:s3:::reports");
    assert_eq!(manifest["version"], "2016-11-30");
    assert_eq!(manifest["fileFormat"], "CSV");
    assert_eq!(manifest["fileSchema"], "Bucket, Key");
    assert_eq!(manifest["creationTimestamp"], "1795539959000");
    assert_eq!(manifest["files"][0]["key"], keys[0]);
    assert_eq!(manifest["files"][0]["size"], files[0].bytes.len());
    let link = String::from_utf8(files[1].bytes.clone()).unwrap();
    assert_eq!(link, format!("s3://reports/{}\n", keys[0]));
}

// Law-test: S3, inventory CSV.
#[test]
fn current_versions_are_rows_of_quoted_cells_with_encoded_keys() {
    let size_and_class = [InventoryField::StorageClass, InventoryField::Size];
    let files = report(configuration().fields(size_and_class), 100);
    assert_eq!(rows(&files[0]), ["\"source\",\"a%20b/%22%C3%A9%22.txt\",\"4\",\"GLACIER\""]);
}

// Law-test: S3, inventory configuration.
// Law-test: S3, inventory columns.
#[test]
fn all_versions_and_all_fields() {
    let all = configuration().versions(IncludedVersions::All).fields(InventoryField::ALL);
    assert_eq!(
        all.columns().join(", "),
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, \
         StorageClass, IsMultipartUploaded, ReplicationStatus, EncryptionStatus, \
         ObjectLockRetainUntilDate, ObjectLockMode, ObjectLockLegalHoldStatus, \
         IntelligentTieringAccessTier, BucketKeyStatus, ChecksumAlgorithm, \
         ObjectAccessControlList, ObjectOwner, LifecycleExpirationDate"
    );
    let files = report(all.clone(), 2);
    assert_eq!(files.len(), 5, "two data files of at most two rows");
    let rows = [rows(&files[0]), rows(&files[1])].concat();
    assert_eq!(rows.len(), 3);
    assert!(rows[0].contains(",\"true\",\"false\",\"4\",\""), "{}", rows[0]);
    assert!(rows[0].contains("\"CRC64NVME\""), "{}", rows[0]);
    let empty = ",\"\"".repeat(14);
    assert!(rows[1].contains(",\"true\",\"true\",\"\",\"20"), "{}", rows[1]);
    assert!(rows[1].ends_with(&empty), "{}", rows[1]);
    assert!(rows[2].contains(",\"false\",\"false\",\"1\",\""), "{}", rows[2]);
    let elsewhere = report(all.key_prefix("b"), 2);
    assert_eq!(elsewhere.len(), 3, "no data file without rows");
}

#[test]
fn what_the_caller_knows_is_said() {
    let bucket = store();
    let info = bucket.list_versions("").next().unwrap().unwrap();
    let policy = LifecyclePolicy::new([Rule::all().expire(Days(1))]).unwrap();
    let made = at("2026-01-01T12:00:00Z");
    let facts = VersionFacts::new("k", 1, made).place(Place::Current { others: 0 });
    let retention = Retention { mode: RetentionMode::Compliance, until: made };
    let record = InventoryRecord {
        class: StorageClass::IntelligentTiering,
        tier: crate::AccessTier::Archive,
        encryption: Some("SSE-S3"),
        owner: Some("me"),
        retention: Some(retention),
        legal_hold: Some(LegalHold::On),
        replication: crate::Replication::Completed,
        ..InventoryRecord::of(&info)
    }
    .expiring_by(&policy, &facts);
    let cells = [
        (InventoryField::IntelligentTieringAccessTier, "ARCHIVE"),
        (InventoryField::EncryptionStatus, "SSE-S3"),
        (InventoryField::ObjectOwner, "me"),
        (InventoryField::ObjectLockMode, "COMPLIANCE"),
        (InventoryField::ObjectLockRetainUntilDate, "2026-01-01T12:00:00.000Z"),
        (InventoryField::ObjectLockLegalHoldStatus, "ON"),
        (InventoryField::ReplicationStatus, "COMPLETED"),
        (InventoryField::LifecycleExpirationDate, "2026-01-03T00:00:00.000Z"),
    ];
    for (field, expected) in cells {
        assert_eq!(record.cell(field), expected, "{field}");
    }
}

#[test]
fn fields_read_back_and_ids_are_checked() {
    for field in InventoryField::ALL {
        assert_eq!(field.to_string().parse(), Ok(field));
    }
    assert_eq!("Sizes".parse::<InventoryField>().unwrap_err().code(), "MalformedXML");
    let error = InventoryConfiguration::new("a/b", name("source"), name("reports")).unwrap_err();
    assert_eq!(error.code(), "InvalidArgument");
}
