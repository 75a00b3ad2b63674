//! `InventoryWriter`: records in, the files of a report out. Whoever has a bucket puts them there.

use super::{IncludedVersions, InventoryConfiguration, InventoryRecord};
use cistern_storage_core::Timestamp;
use flate2::{Compression, GzBuilder, write::GzEncoder};
use md5::{Digest, Md5};
use std::{fmt::Write as _, io::Write as _};

/// A file of a report, ready to be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Its key in the destination.
    pub key: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Writes a report. Memory is that of one data file, whatever the number of objects.
///
/// Files must be put in the order in which they are given: the manifest comes last, and a report
/// without one is none.
#[derive(Debug)]
pub struct InventoryWriter {
    configuration: InventoryConfiguration,
    now: Timestamp,
    rows_max: usize,
    rows: usize,
    data: GzEncoder<Vec<u8>>,
    /// Key, size and MD5 of the data files that were given out.
    files: Vec<(String, usize, String)>,
    line: String,
}

impl InventoryWriter {
    /// A report begun at `now`.
    #[must_use]
    pub fn new(configuration: InventoryConfiguration, now: Timestamp) -> Self {
        Self {
            configuration,
            now,
            rows_max: ROWS_MAX,
            rows: 0,
            data: encoder(),
            files: Vec::new(),
            line: String::new(),
        }
    }

    /// At most so many rows in a data file; at least one.
    #[must_use]
    pub fn rows_max(mut self, rows: usize) -> Self {
        self.rows_max = rows.max(1);
        self
    }

    /// Takes a record, if it belongs into the report; a data file that is full comes back.
    #[must_use = "a data file that is full has to be put"]
    pub fn push(&mut self, record: &InventoryRecord<'_>) -> Option<ReportFile> {
        if !self.configuration.includes(record) {
            return None;
        }
        self.write_row(record);
        self.rows += 1;
        if self.rows == self.rows_max { Some(self.take_data()) } else { None }
    }

    /// Ends the report: the last data file, if rows are left, the names of all, the manifest and its
    /// checksum, to be put in this order.
    #[must_use = "the manifest has to be put"]
    pub fn finish(mut self) -> Vec<ReportFile> {
        let mut files = Vec::new();
        if self.rows > 0 {
            files.push(self.take_data());
        }
        files.push(self.symlink());
        let manifest = self.manifest();
        let checksum = digest(manifest.as_bytes()).into_bytes();
        let folder = format!("{}/{}", self.folder(), self.stamp("T", "Z"));
        files.push(ReportFile {
            key: format!("{folder}/manifest.json"),
            bytes: manifest.into_bytes(),
        });
        files.push(ReportFile { key: format!("{folder}/manifest.checksum"), bytes: checksum });
        files
    }

    /// Law: S3, inventory CSV.
    fn write_row(&mut self, record: &InventoryRecord<'_>) {
        let configuration = &self.configuration;
        self.line.clear();
        let mut cell = |text: &str| {
            let comma = if self.line.is_empty() { "" } else { "," };
            self.line.extend([comma, "\"", &text.replace('"', "\"\""), "\""]);
        };
        cell(configuration.source.as_str());
        cell(&record.encoded_key());
        if configuration.versions == IncludedVersions::All {
            let version = record.version;
            cell(&if version.is_null() { String::new() } else { version.to_string() });
            cell(if record.is_latest { "true" } else { "false" });
            cell(if record.is_delete_marker { "true" } else { "false" });
        }
        configuration.fields.iter().for_each(|field| cell(&record.cell(*field)));
        self.line.push('\n');
        self.data.write_all(self.line.as_bytes()).expect("writing to memory cannot fail");
    }

    fn take_data(&mut self) -> ReportFile {
        let data = std::mem::replace(&mut self.data, encoder());
        let bytes = data.finish().expect("writing to memory cannot fail");
        self.rows = 0;
        let digest = digest(&bytes);
        let key = format!("{}/data/{digest}.csv.gz", self.folder());
        self.files.push((key.clone(), bytes.len(), digest));
        ReportFile { key, bytes }
    }

    fn symlink(&self) -> ReportFile {
        let mut text = String::new();
        for (key, ..) in &self.files {
            writeln!(text, "s3://{}/{key}", self.configuration.destination)
                .expect("writing to a string cannot fail");
        }
        let key = format!("{}/hive/dt={}/symlink.txt", self.folder(), self.stamp("-", ""));
        ReportFile { key, bytes: text.into_bytes() }
    }

    /// Law: S3, inventory manifest.
    fn manifest(&self) -> String {
        let configuration = &self.configuration;
        let files = self.files.iter().map(|(key, size, digest)| {
            serde_json::json!({ "key": key, "size": size, "MD5checksum": digest })
        });
        let manifest = serde_json::json!({
            "sourceBucket": configuration.source.as_str(),
            "destinationBucket": format!("arn:aws:s3:::{}", configuration.destination),
            "version": "2016-11-30",
            "creationTimestamp": self.now.as_millis().to_string(),
            "fileFormat": "CSV",
            "fileSchema": configuration.columns().join(", "),
            "files": files.collect::<Vec<_>>(),
        });
        serde_json::to_string_pretty(&manifest).expect("texts and numbers can be written")
    }

    fn folder(&self) -> String {
        let prefix = self.configuration.destination_prefix.trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{prefix}{slash}{}/{}", self.configuration.source, self.configuration.id)
    }

    /// The time of the report to the minute, as folders are named.
    fn stamp(&self, between: &str, end: &str) -> String {
        let iso = self.now.to_iso8601();
        let (date, time) = iso.split_once('T').expect("a date and a time are parted by a T");
        format!("{date}{between}{}-{}{end}", &time[..2], &time[3..5])
    }
}

/// No time and no name in its header, so that equal rows make equal files.
fn encoder() -> GzEncoder<Vec<u8>> {
    GzBuilder::new().write(Vec::new(), Compression::default())
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(32);
    for byte in Md5::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

/// Rows of a data file: some tens of MB, compressed.
const ROWS_MAX: usize = 1_000_000;
