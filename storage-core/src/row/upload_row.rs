//! The stored shapes of a multipart upload, of its parts, and of what completing it answered.

use super::{
    codec::{Damage, Decoder, Encoder},
    manifest::PartEntry,
    object_row::{Rare, decode_etag, encode_etag},
};
use crate::{
    checksum::{ChecksumAlgorithm, ChecksumType},
    etag::ETag,
    storage_class::StorageClass,
    time::Timestamp,
    version_id::VersionId,
};
use bytes::Bytes;

const FORMAT: u8 = 1;

/// An upload in progress. Its sequence number is in its key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UploadRow {
    /// Tells apart two uploads that a store from elsewhere could number alike.
    pub(crate) tag: u64,
    pub(crate) initiated: Timestamp,
    pub(crate) class: StorageClass,
    pub(crate) algorithm: ChecksumAlgorithm,
    pub(crate) checksum_type: ChecksumType,
    /// The sequence number of what was current when the upload began.
    pub(crate) current_at_start: Option<u64>,
    pub(crate) rare: Rare,
}

impl UploadRow {
    pub(crate) fn encode(&self) -> Bytes {
        let mut row = Encoder::with_capacity(128);
        row.u8(FORMAT);
        row.u64(self.tag);
        row.i64(self.initiated.as_millis());
        row.u8(self.class.code());
        row.u8(self.algorithm.code());
        row.u8(u8::from(self.checksum_type == ChecksumType::Composite));
        row.optional(self.current_at_start, Encoder::u64);
        self.rare.encode(&mut row);
        row.finish()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        let mut row = Decoder::new(bytes);
        if row.u8()? != FORMAT {
            return Err(Damage("an unknown format of an upload"));
        }
        let upload = Self {
            tag: row.u64()?,
            initiated: Timestamp::from_millis(row.i64()?),
            class: StorageClass::from_code(row.u8()?).ok_or(Damage("an unknown storage class"))?,
            algorithm: ChecksumAlgorithm::from_code(row.u8()?)
                .ok_or(Damage("an unknown checksum algorithm"))?,
            checksum_type: match row.u8()? {
                0 => ChecksumType::FullObject,
                1 => ChecksumType::Composite,
                _ => return Err(Damage("an unknown checksum type")),
            },
            current_at_start: row.optional(Decoder::u64)?,
            rare: Rare::decode(&mut row)?,
        };
        row.finish()?;
        Ok(upload)
    }
}

/// A part of an upload in progress.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartRow {
    pub(crate) etag: ETag,
    pub(crate) modified: Timestamp,
    pub(crate) entry: PartEntry,
}

impl PartRow {
    pub(crate) fn encode(&self) -> Bytes {
        let mut row = Encoder::with_capacity(160);
        row.u8(FORMAT);
        encode_etag(self.etag, &mut row);
        row.i64(self.modified.as_millis());
        self.entry.encode(&mut row);
        row.finish()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        let mut row = Decoder::new(bytes);
        if row.u8()? != FORMAT {
            return Err(Damage("an unknown format of a part"));
        }
        let part = Self {
            etag: decode_etag(&mut row)?,
            modified: Timestamp::from_millis(row.i64()?),
            entry: PartEntry::decode(&mut row)?,
        };
        row.finish()?;
        Ok(part)
    }
}

/// What completing an upload answered, kept so that it can be answered again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CompletedRow {
    /// When it was completed.
    pub(crate) at: Timestamp,
    /// The upload's tag, key and list of parts, digested: a repeat must be of the same.
    pub(crate) request: u64,
    pub(crate) version: VersionId,
    pub(crate) etag: ETag,
    pub(crate) size: u64,
    pub(crate) checksum: Bytes,
}

impl CompletedRow {
    pub(crate) fn encode(&self) -> Bytes {
        let mut row = Encoder::with_capacity(96);
        row.u8(FORMAT);
        row.i64(self.at.as_millis());
        row.u64(self.request);
        row.optional(stamp_of(self.version), |row, (seq, tag)| {
            row.u64(seq);
            row.u64(tag);
        });
        encode_etag(self.etag, &mut row);
        row.u64(self.size);
        row.bytes(&self.checksum);
        row.finish()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        let mut row = Decoder::new(bytes);
        if row.u8()? != FORMAT {
            return Err(Damage("an unknown format of a completed upload"));
        }
        let completed = Self {
            at: Timestamp::from_millis(row.i64()?),
            request: row.u64()?,
            version: match row.optional(|row| Ok((row.u64()?, row.u64()?)))? {
                Some((seq, tag)) => VersionId::Stamped { seq, tag },
                None => VersionId::Null,
            },
            etag: decode_etag(&mut row)?,
            size: row.u64()?,
            checksum: row.bytes()?,
        };
        row.finish()?;
        Ok(completed)
    }
}

fn stamp_of(version: VersionId) -> Option<(u64, u64)> {
    match version {
        VersionId::Stamped { seq, tag } => Some((seq, tag)),
        _ => None,
    }
}
