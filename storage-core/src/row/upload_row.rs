//! The stored shapes of a multipart upload, of its parts, and of what completing it answered.

use super::{
    codec::{Damage, Decoder, Encoder},
    manifest::PartEntry,
    object_row::{Rare, decode_etag, encode_etag},
};
use crate::{
    checksum::{Checksum, ChecksumAlgorithm, ChecksumType},
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
    /// What its name must have beside its number, see [`crate::upload::Place`].
    pub(crate) tag: u64,
    pub(crate) initiated: Timestamp,
    pub(crate) class: StorageClass,
    pub(crate) algorithm: ChecksumAlgorithm,
    pub(crate) checksum_type: ChecksumType,
    /// The sequence number of the object that was current when the upload began; `None` when there
    /// was none, or a delete marker.
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
    /// The upload's id, key and list of parts, digested: a repeat must be of the same.
    pub(crate) request: u64,
    pub(crate) version: VersionId,
    pub(crate) modified: Timestamp,
    pub(crate) etag: ETag,
    pub(crate) size: u64,
    pub(crate) checksum: Checksum,
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
        row.i64(self.modified.as_millis());
        encode_etag(self.etag, &mut row);
        row.u64(self.size);
        row.u8(self.checksum.algorithm().code());
        row.bytes(self.checksum.to_string().as_bytes());
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
            modified: Timestamp::from_millis(row.i64()?),
            etag: decode_etag(&mut row)?,
            size: row.u64()?,
            checksum: decode_checksum(&mut row)?,
        };
        row.finish()?;
        Ok(completed)
    }
}

fn decode_checksum(row: &mut Decoder<'_>) -> Result<Checksum, Damage> {
    let algorithm = ChecksumAlgorithm::from_code(row.u8()?);
    let algorithm = algorithm.ok_or(Damage("an unknown checksum algorithm"))?;
    Checksum::parse(algorithm, row.str()?).map_err(|_| Damage("a checksum that does not parse"))
}

fn stamp_of(version: VersionId) -> Option<(u64, u64)> {
    match version {
        VersionId::Stamped { seq, tag } => Some((seq, tag)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Extent;

    #[track_caller]
    fn check<T: std::fmt::Debug + PartialEq>(
        row: &T,
        bytes: &Bytes,
        decode: impl Fn(&Bytes) -> Result<T, Damage>,
    ) {
        assert_eq!(decode(bytes).as_ref(), Ok(row));
        for end in 0..bytes.len() {
            assert!(decode(&bytes.slice(..end)).is_err(), "cut at {end}");
        }
        let longer = [&bytes[..], &[0]].concat().into();
        assert!(decode(&longer).is_err());
    }

    #[test]
    fn rows_of_uploads_come_back_and_damaged_ones_do_not() {
        for current_at_start in [None, Some(7)] {
            let upload = UploadRow {
                tag: u64::MAX,
                initiated: Timestamp::from_millis(-1),
                class: StorageClass::GlacierIr,
                algorithm: ChecksumAlgorithm::Sha256,
                checksum_type: ChecksumType::Composite,
                current_at_start,
                rare: Rare { envelope: Some("e".into()), ..Rare::default() },
            };
            check(&upload, &upload.encode(), UploadRow::decode);
        }
    }

    #[test]
    fn rows_of_parts_come_back_and_damaged_ones_do_not() {
        let extent = Extent {
            blob: crate::port::BlobRef::new(b"blob").unwrap(),
            offset: 1,
            len: 2,
            blob_len: 3,
            envelope: Some("envelope".into()),
        };
        let entry = PartEntry {
            number: 10_000,
            size: 4,
            crc64: 5,
            checksum: Some("sum".into()),
            extents: vec![extent.clone(), Extent { envelope: None, ..extent }],
        };
        let part =
            PartRow { etag: ETag::of_bytes(b"x"), modified: Timestamp::from_millis(6), entry };
        check(&part, &part.encode(), PartRow::decode);
    }

    #[test]
    fn rows_of_answers_come_back_and_damaged_ones_do_not() {
        let sum = Checksum::of_bytes(ChecksumAlgorithm::Sha1, b"x");
        let composite = Checksum::of_parts(ChecksumAlgorithm::Sha1, [sum]).unwrap();
        for version in [VersionId::Null, VersionId::Stamped { seq: 1, tag: 2 }] {
            let answer = CompletedRow {
                at: Timestamp::from_millis(1),
                request: 2,
                version,
                modified: Timestamp::from_millis(3),
                etag: ETag::of_parts([[4; 16]]),
                size: 5,
                checksum: composite,
            };
            check(&answer, &answer.encode(), CompletedRow::decode);
        }
    }
}
