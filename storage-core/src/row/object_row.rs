//! The stored shape of one version of an object.

use super::{
    codec::{Damage, Decoder, Encoder},
    manifest::{Extent, decode_extents, encode_extents},
};
use crate::{
    checksum::Checksum,
    etag::ETag,
    metadata::{Metadata, SystemHeader},
    object_lock::{LegalHold, Retention, RetentionMode},
    storage_class::StorageClass,
    tags::Tags,
    time::Timestamp,
    version_id::VersionId,
};
use bytes::Bytes;

/// One version of an object, or a delete marker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObjectRow {
    /// Its place in the order of writes.
    pub(crate) seq: u64,
    pub(crate) version: VersionId,
    pub(crate) modified: Timestamp,
    pub(crate) delete_marker: bool,
    pub(crate) class: StorageClass,
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    /// CRC-64/NVME of the whole body: what reads are checked against.
    pub(crate) crc64: u64,
    pub(crate) body: BodyRow,
    /// What most versions do not have.
    pub(crate) rare: Option<Box<Rare>>,
}

/// Where a version's bytes are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BodyRow {
    /// In the row itself; as sealed, when [`Rare::envelope`] is there.
    Inline(Bytes),
    /// In a few blobs.
    Extents(Vec<Extent>),
    /// In many: `parts` entries under the manifest `id`.
    Manifest { id: u64, parts: u32, visible: bool },
}

impl BodyRow {
    /// Keeps of a body no more than how many parts it has.
    pub(crate) fn forget_bytes(&mut self) {
        if !matches!(self, Self::Manifest { .. }) {
            *self = Self::Inline(Bytes::new());
        }
    }
}

/// What most versions do not have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rare {
    pub(crate) metadata: Metadata,
    pub(crate) tags: Tags,
    /// The checksum, unless it is the CRC-64/NVME of the whole.
    pub(crate) checksum: Option<Checksum>,
    pub(crate) retention: Option<Retention>,
    /// `None` until a legal hold was first set.
    pub(crate) legal_hold: Option<LegalHold>,
    /// What opens an inline body.
    pub(crate) envelope: Option<Bytes>,
}

const FORMAT: u8 = 1;

mod flag {
    pub(super) const DELETE_MARKER: u8 = 1;
    pub(super) const NULL_VERSION: u8 = 1 << 1;
    pub(super) const RARE: u8 = 1 << 2;
    pub(super) const PARTS_VISIBLE: u8 = 1 << 3;
    pub(super) const ALL: u8 = 15;
}

mod body {
    pub(super) const INLINE: u8 = 0;
    pub(super) const EXTENTS: u8 = 1;
    pub(super) const MANIFEST: u8 = 2;
}

mod field {
    pub(super) const END: u8 = 0;
    pub(super) const METADATA: u8 = 1;
    pub(super) const TAGS: u8 = 2;
    pub(super) const CHECKSUM: u8 = 3;
    pub(super) const RETENTION: u8 = 4;
    pub(super) const LEGAL_HOLD: u8 = 5;
    pub(super) const ENVELOPE: u8 = 6;
}

/// A row without rare fields, extents or an inline body. Exact, so that the row is shared without
/// another allocation; only the entity tag of a multipart object is longer.
const FIXED_BYTES: usize = 4 + 5 * 8 + 17;

impl ObjectRow {
    pub(crate) fn encode(&self) -> Bytes {
        let inline = if let BodyRow::Inline(bytes) = &self.body { bytes.len() } else { 0 };
        let more = if self.rare.is_some() { 256 } else { 0 };
        let mut row = Encoder::with_capacity(FIXED_BYTES + inline + more);
        row.u8(FORMAT);
        row.u8(self.flags());
        row.u8(self.class.code());
        row.u8(match self.body {
            BodyRow::Inline(_) => body::INLINE,
            BodyRow::Extents(_) => body::EXTENTS,
            BodyRow::Manifest { .. } => body::MANIFEST,
        });
        row.u64(self.seq);
        row.u64(if let VersionId::Stamped { tag, .. } = self.version { tag } else { 0 });
        row.i64(self.modified.as_millis());
        row.u64(self.size);
        row.u64(self.crc64);
        encode_etag(self.etag, &mut row);
        if let Some(rare) = &self.rare {
            rare.encode(&mut row);
        }
        match &self.body {
            BodyRow::Inline(bytes) => row.raw(bytes),
            BodyRow::Extents(extents) => encode_extents(extents, &mut row),
            BodyRow::Manifest { id, parts, .. } => {
                row.u64(*id);
                row.u32(*parts);
            }
        }
        row.finish()
    }

    fn flags(&self) -> u8 {
        let set = |on, flag| if on { flag } else { 0 };
        let visible = matches!(self.body, BodyRow::Manifest { visible: true, .. });
        set(self.delete_marker, flag::DELETE_MARKER)
            | set(self.version.is_null(), flag::NULL_VERSION)
            | set(self.rare.is_some(), flag::RARE)
            | set(visible, flag::PARTS_VISIBLE)
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        let mut row = Decoder::new(bytes);
        let (mut object, body_kind) = Self::decode_fields(&mut row)?;
        match body_kind {
            body::INLINE => object.body = BodyRow::Inline(row.rest()),
            body::EXTENTS => object.body = BodyRow::Extents(decode_extents(&mut row)?),
            // A manifest is there already.
            _ => {}
        }
        row.finish()?;
        Ok(object)
    }

    /// All up to the body, and what kind of body follows: a manifest is read as well.
    fn decode_fields(row: &mut Decoder<'_>) -> Result<(Self, u8), Damage> {
        if row.u8()? != FORMAT {
            return Err(Damage("an unknown format of an object"));
        }
        let flags = row.u8()?;
        if flags & !flag::ALL != 0 {
            return Err(Damage("an unknown flag of an object"));
        }
        let class = StorageClass::from_code(row.u8()?).ok_or(Damage("an unknown storage class"))?;
        let body_kind = row.u8()?;
        let seq = row.u64()?;
        let tag = row.u64()?;
        let version = if flags & flag::NULL_VERSION != 0 {
            VersionId::Null
        } else {
            VersionId::Stamped { seq, tag }
        };
        let modified = Timestamp::from_millis(row.i64()?);
        let size = row.u64()?;
        let crc64 = row.u64()?;
        let etag = decode_etag(row)?;
        let rare = if flags & flag::RARE != 0 { Some(Box::new(Rare::decode(row)?)) } else { None };
        let body = match body_kind {
            body::INLINE | body::EXTENTS => BodyRow::Inline(Bytes::new()),
            body::MANIFEST => BodyRow::Manifest {
                id: row.u64()?,
                parts: row.u32()?,
                visible: flags & flag::PARTS_VISIBLE != 0,
            },
            _ => return Err(Damage("an unknown place of a body")),
        };
        let delete_marker = flags & flag::DELETE_MARKER != 0;
        let object =
            Self { seq, version, modified, delete_marker, class, size, etag, crc64, body, rare };
        Ok((object, body_kind))
    }

    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Forgets the rare fields when none of them is left.
    pub(crate) fn tidy(&mut self) {
        if self.rare.as_deref() == Some(&Rare::default()) {
            self.rare = None;
        }
    }
}

/// All but the bytes of the body and where they are: what a list tells. Keeps nothing of the row, and
/// reads no further than it must.
pub(crate) fn decode_info(row: &[u8]) -> Result<ObjectRow, Damage> {
    Ok(ObjectRow::decode_fields(&mut Decoder::lent(row))?.0)
}

/// Whether the row is that of a delete marker: all that a list has to know of what it rolls up.
pub(crate) fn is_delete_marker(row: &[u8]) -> Result<bool, Damage> {
    match row {
        [FORMAT, flags, ..] => Ok(flags & flag::DELETE_MARKER != 0),
        _ => Err(Damage("an unknown format of an object")),
    }
}

pub(crate) fn encode_etag(etag: ETag, row: &mut Encoder) {
    match etag {
        ETag::Md5(digest) => {
            row.u8(0);
            row.raw(&digest);
        }
        ETag::Multipart { digest, parts } => {
            row.u8(1);
            row.raw(&digest);
            row.u32(parts);
        }
        ETag::Opaque(value) => {
            row.u8(2);
            row.raw(&value);
        }
    }
}

pub(crate) fn decode_etag(row: &mut Decoder<'_>) -> Result<ETag, Damage> {
    Ok(match row.u8()? {
        0 => ETag::Md5(row.array()?),
        1 => ETag::Multipart { digest: row.array()?, parts: row.u32()? },
        2 => ETag::Opaque(row.array()?),
        _ => return Err(Damage("an unknown kind of entity tag")),
    })
}

impl Rare {
    pub(super) fn encode(&self, row: &mut Encoder) {
        if !self.metadata.is_empty() {
            row.u8(field::METADATA);
            encode_metadata(&self.metadata, row);
        }
        if !self.tags.is_empty() {
            row.u8(field::TAGS);
            encode_pairs(self.tags.iter(), row);
        }
        if let Some(checksum) = &self.checksum {
            row.u8(field::CHECKSUM);
            row.bytes(checksum.to_string().as_bytes());
            row.u8(checksum.algorithm().code());
        }
        if let Some(retention) = &self.retention {
            row.u8(field::RETENTION);
            row.u8(match retention.mode {
                RetentionMode::Governance => 1,
                RetentionMode::Compliance => 2,
            });
            row.i64(retention.until.as_millis());
        }
        if let Some(hold) = self.legal_hold {
            row.u8(field::LEGAL_HOLD);
            row.u8(u8::from(hold == LegalHold::On));
        }
        if let Some(envelope) = &self.envelope {
            row.u8(field::ENVELOPE);
            row.bytes(envelope);
        }
        row.u8(field::END);
    }

    pub(super) fn decode(row: &mut Decoder<'_>) -> Result<Self, Damage> {
        let mut rare = Self::default();
        loop {
            match row.u8()? {
                field::END => return Ok(rare),
                field::METADATA => rare.metadata = decode_metadata(row)?,
                field::TAGS => {
                    rare.tags = Tags::from_stored(boxed(decode_pairs(row)?))
                        .ok_or(Damage("tags out of order"))?;
                }
                field::CHECKSUM => {
                    let text = row.str()?;
                    let algorithm = crate::checksum::ChecksumAlgorithm::from_code(row.u8()?)
                        .ok_or(Damage("an unknown checksum algorithm"))?;
                    rare.checksum = Some(
                        Checksum::parse(algorithm, text)
                            .map_err(|_| Damage("a checksum that does not parse"))?,
                    );
                }
                field::RETENTION => rare.retention = Some(decode_retention(row)?),
                field::LEGAL_HOLD => {
                    rare.legal_hold = Some(match row.u8()? {
                        0 => LegalHold::Off,
                        1 => LegalHold::On,
                        _ => return Err(Damage("an unknown legal hold")),
                    });
                }
                field::ENVELOPE => rare.envelope = Some(row.bytes()?),
                _ => return Err(Damage("an unknown field of an object")),
            }
        }
    }
}

fn encode_metadata(metadata: &Metadata, row: &mut Encoder) {
    row.count(metadata.system_headers().len());
    for (header, value) in metadata.system_headers() {
        row.u8(header.code());
        row.bytes(value.as_bytes());
    }
    encode_pairs(metadata.user_pairs(), row);
}

/// Limits may have been others when the row was written: only its shape is checked.
fn decode_metadata(row: &mut Decoder<'_>) -> Result<Metadata, Damage> {
    let mut system = Vec::new();
    for _ in 0..row.count(5)? {
        let header = SystemHeader::from_code(row.u8()?).ok_or(Damage("an unknown header"))?;
        system.push((header, row.str()?.into()));
    }
    let user = boxed(decode_pairs(row)?);
    Metadata::from_stored(system, user).ok_or(Damage("metadata out of order"))
}

/// Pairs of a row, as metadata and tags keep them.
pub(super) fn boxed(pairs: Vec<(&str, &str)>) -> Vec<(Box<str>, Box<str>)> {
    pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn decode_retention(row: &mut Decoder<'_>) -> Result<Retention, Damage> {
    let mode = match row.u8()? {
        1 => RetentionMode::Governance,
        2 => RetentionMode::Compliance,
        _ => return Err(Damage("an unknown retention mode")),
    };
    Ok(Retention { mode, until: Timestamp::from_millis(row.i64()?) })
}

pub(super) fn encode_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, row: &mut Encoder) {
    let pairs: Vec<_> = pairs.collect();
    row.count(pairs.len());
    for (name, value) in pairs {
        row.bytes(name.as_bytes());
        row.bytes(value.as_bytes());
    }
}

pub(super) fn decode_pairs<'a>(row: &mut Decoder<'a>) -> Result<Vec<(&'a str, &'a str)>, Damage> {
    let count = row.count(8)?;
    (0..count).map(|_| Ok((row.str()?, row.str()?))).collect()
}
