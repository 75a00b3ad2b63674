//! Inventory: a report of every object, as compressed CSV with a manifest that is written last.
//!
//! ```text
//!   <prefix>/<source>/<id>/data/<digest>.csv.gz                the rows
//!   <prefix>/<source>/<id>/hive/dt=YYYY-MM-DD-HH-MM/symlink.txt  the names of the data files
//!   <prefix>/<source>/<id>/YYYY-MM-DDTHH-MMZ/manifest.json     what they hold
//!   <prefix>/<source>/<id>/YYYY-MM-DDTHH-MMZ/manifest.checksum the MD5 of the manifest
//! ```

mod field;
mod record;
mod writer;

pub use field::InventoryField;
pub use record::InventoryRecord;
pub use writer::{InventoryWriter, ReportFile};

use crate::error::Result;
use cistern_storage_core::BucketName;

/// Which versions a report names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IncludedVersions {
    /// Current ones that are data.
    #[default]
    Current,
    /// All, and delete markers; three more columns.
    All,
}

/// What a report holds, and where it goes.
///
/// Law: S3, inventory configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryConfiguration {
    id: Box<str>,
    source: BucketName,
    destination: BucketName,
    destination_prefix: Box<str>,
    key_prefix: Box<str>,
    versions: IncludedVersions,
    fields: Vec<InventoryField>,
}

impl InventoryConfiguration {
    /// A report of the current versions in a bucket, with no optional field.
    ///
    /// # Errors
    /// [`crate::Error::InvalidValue`] for an id that no file name can have.
    pub fn new(
        id: impl Into<Box<str>>,
        source: BucketName,
        destination: BucketName,
    ) -> Result<Self> {
        let id = id.into();
        crate::analysis::check_id(&id)?;
        Ok(Self {
            id,
            source,
            destination,
            destination_prefix: Box::default(),
            key_prefix: Box::default(),
            versions: IncludedVersions::Current,
            fields: Vec::new(),
        })
    }

    /// What the keys of the report's files begin with.
    #[must_use]
    pub fn destination_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.destination_prefix = prefix.into();
        self
    }

    /// Only objects whose keys begin so.
    #[must_use]
    pub fn key_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// All versions, or the current ones.
    #[must_use]
    pub fn versions(mut self, versions: IncludedVersions) -> Self {
        self.versions = versions;
        self
    }

    /// The optional columns. Their order in the report is fixed, whatever it is here.
    #[must_use]
    pub fn fields(mut self, fields: impl IntoIterator<Item = InventoryField>) -> Self {
        self.fields = fields.into_iter().collect();
        self.fields.sort_unstable();
        self.fields.dedup();
        self
    }

    /// The columns of the report.
    ///
    /// Law: S3, inventory columns.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        let of_versions: &[&str] = match self.versions {
            IncludedVersions::All => &["VersionId", "IsLatest", "IsDeleteMarker"],
            IncludedVersions::Current => &[],
        };
        let optional = self.fields.iter().map(|field| field.column());
        ["Bucket", "Key"].into_iter().chain(of_versions.iter().copied()).chain(optional).collect()
    }

    /// Whether a record belongs into the report.
    #[must_use]
    pub fn includes(&self, record: &InventoryRecord<'_>) -> bool {
        let version = match self.versions {
            IncludedVersions::All => true,
            IncludedVersions::Current => record.is_latest && !record.is_delete_marker,
        };
        version && record.key.starts_with(&*self.key_prefix)
    }
}

#[cfg(test)]
mod tests;
