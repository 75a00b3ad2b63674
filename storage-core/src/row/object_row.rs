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
    port::{Lent, Value},
    restore::{Restore, RestoreTier},
    storage_class::StorageClass,
    tags::Tags,
    time::{Days, Timestamp},
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
    /// The restore that was last asked for.
    pub(crate) restore: Option<Restore>,
    /// When it came into its class, when that was not with its first byte.
    pub(crate) entered: Option<Timestamp>,
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

mod etag {
    pub(super) const MD5: u8 = 0;
    pub(super) const MULTIPART: u8 = 1;
    pub(super) const OPAQUE: u8 = 2;
}

const UNKNOWN_ETAG: Damage = Damage("an unknown kind of entity tag");

mod field {
    pub(super) const END: u8 = 0;
    pub(super) const METADATA: u8 = 1;
    pub(super) const TAGS: u8 = 2;
    pub(super) const CHECKSUM: u8 = 3;
    pub(super) const RETENTION: u8 = 4;
    pub(super) const LEGAL_HOLD: u8 = 5;
    pub(super) const ENVELOPE: u8 = 6;
    pub(super) const RESTORE: u8 = 7;
    pub(super) const ENTERED: u8 = 8;
}

/// What every row begins with: as long in all of them, and the head of their values. Behind it come
/// the number of parts in the entity tag of a multipart object, the rare fields, the body.
const FIXED_BYTES: usize = 4 + 5 * 8 + 17;
const _: () = assert!(FIXED_BYTES <= Value::HEAD_BYTES_MAX);

impl ObjectRow {
    /// An inline body of a row that has nothing rare is shared, not copied.
    #[inline]
    pub(crate) fn encode(&self) -> Value {
        let rest = match (&self.body, &self.rare, self.etag) {
            (BodyRow::Inline(bytes), None, ETag::Md5(_) | ETag::Opaque(_)) => bytes.clone(),
            _ => self.encode_rest(),
        };
        Value::joined(&self.encode_fixed(), rest)
    }

    fn encode_fixed(&self) -> [u8; FIXED_BYTES] {
        let body = match self.body {
            BodyRow::Inline(_) => body::INLINE,
            BodyRow::Extents(_) => body::EXTENTS,
            BodyRow::Manifest { .. } => body::MANIFEST,
        };
        let tag = if let VersionId::Stamped { tag, .. } = self.version { tag } else { 0 };
        let (etag_kind, etag) = match self.etag {
            ETag::Md5(digest) => (etag::MD5, digest),
            ETag::Multipart { digest, .. } => (etag::MULTIPART, digest),
            ETag::Opaque(value) => (etag::OPAQUE, value),
        };
        let mut row = [0; FIXED_BYTES];
        row[..4].copy_from_slice(&[FORMAT, self.flags(), self.class.code(), body]);
        row[4..12].copy_from_slice(&self.seq.to_le_bytes());
        row[12..20].copy_from_slice(&tag.to_le_bytes());
        row[20..28].copy_from_slice(&self.modified.as_millis().to_le_bytes());
        row[28..36].copy_from_slice(&self.size.to_le_bytes());
        row[36..44].copy_from_slice(&self.crc64.to_le_bytes());
        row[44] = etag_kind;
        row[45..].copy_from_slice(&etag);
        row
    }

    fn encode_rest(&self) -> Bytes {
        let inline = if let BodyRow::Inline(bytes) = &self.body { bytes.len() } else { 0 };
        let mut row = Encoder::with_capacity(inline + if self.rare.is_some() { 256 } else { 64 });
        if let ETag::Multipart { parts, .. } = self.etag {
            row.u32(parts);
        }
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

    #[inline]
    pub(crate) fn decode(value: &Value) -> Result<Self, Damage> {
        if let Ok(fixed) = value.head().try_into() {
            return Self::decode_parts(fixed, Decoder::new(value.tail()));
        }
        let whole = value.to_bytes();
        let mut row = Decoder::new(&whole);
        Self::decode_parts(&row.array()?, row)
    }

    fn decode_parts(fixed: &[u8; FIXED_BYTES], mut rest: Decoder<'_>) -> Result<Self, Damage> {
        let (mut object, body_kind) = Self::decode_fields(fixed, &mut rest)?;
        match body_kind {
            body::INLINE => object.body = BodyRow::Inline(rest.rest()),
            body::EXTENTS => object.body = BodyRow::Extents(decode_extents(&mut rest)?),
            // A manifest is there already.
            _ => {}
        }
        rest.finish()?;
        Ok(object)
    }

    /// All up to the body, and what kind of body follows: a manifest is read as well.
    fn decode_fields(
        fixed: &[u8; FIXED_BYTES],
        rest: &mut Decoder<'_>,
    ) -> Result<(Self, u8), Damage> {
        let number = |at: usize| {
            u64::from_le_bytes(fixed[at..at + 8].try_into().expect("8 bytes are taken"))
        };
        let [format, flags, class, body_kind] = [fixed[0], fixed[1], fixed[2], fixed[3]];
        if format != FORMAT {
            return Err(Damage("an unknown format of an object"));
        }
        if flags & !flag::ALL != 0 {
            return Err(Damage("an unknown flag of an object"));
        }
        let class = StorageClass::from_code(class).ok_or(Damage("an unknown storage class"))?;
        let (seq, tag) = (number(4), number(12));
        let version = if flags & flag::NULL_VERSION != 0 {
            VersionId::Null
        } else {
            VersionId::Stamped { seq, tag }
        };
        let digest = fixed[45..].try_into().expect("16 bytes are left");
        let etag = match fixed[44] {
            etag::MD5 => ETag::Md5(digest),
            etag::MULTIPART => ETag::Multipart { digest, parts: rest.u32()? },
            etag::OPAQUE => ETag::Opaque(digest),
            _ => return Err(UNKNOWN_ETAG),
        };
        let has_rare = flags & flag::RARE != 0;
        let rare = if has_rare { Some(Box::new(Rare::decode(rest)?)) } else { None };
        let body = match body_kind {
            body::INLINE | body::EXTENTS => BodyRow::Inline(Bytes::new()),
            body::MANIFEST => BodyRow::Manifest {
                id: rest.u64()?,
                parts: rest.u32()?,
                visible: flags & flag::PARTS_VISIBLE != 0,
            },
            _ => return Err(Damage("an unknown place of a body")),
        };
        let object = Self {
            seq,
            version,
            modified: Timestamp::from_millis(number(20).cast_signed()),
            delete_marker: flags & flag::DELETE_MARKER != 0,
            class,
            size: number(28),
            etag,
            crc64: number(36),
            body,
            rare,
        };
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
pub(crate) fn decode_info(row: Lent<'_>) -> Result<ObjectRow, Damage> {
    if let Ok(fixed) = row.head().try_into() {
        return Ok(ObjectRow::decode_fields(fixed, &mut Decoder::lent(row.tail()))?.0);
    }
    let whole = row.whole();
    let mut rest = Decoder::lent(&whole);
    Ok(ObjectRow::decode_fields(&rest.array()?, &mut rest)?.0)
}

/// Whether the row is that of a delete marker: all that a list has to know of what it rolls up.
pub(crate) fn is_delete_marker(row: Lent<'_>) -> Result<bool, Damage> {
    let first = if row.head().is_empty() { row.tail() } else { row.head() };
    match first {
        [FORMAT, flags, ..] => Ok(flags & flag::DELETE_MARKER != 0),
        _ => Ok(decode_info(row)?.delete_marker),
    }
}

pub(crate) fn encode_etag(etag: ETag, row: &mut Encoder) {
    match etag {
        ETag::Md5(digest) => {
            row.u8(etag::MD5);
            row.raw(&digest);
        }
        ETag::Multipart { digest, parts } => {
            row.u8(etag::MULTIPART);
            row.raw(&digest);
            row.u32(parts);
        }
        ETag::Opaque(value) => {
            row.u8(etag::OPAQUE);
            row.raw(&value);
        }
    }
}

pub(crate) fn decode_etag(row: &mut Decoder<'_>) -> Result<ETag, Damage> {
    Ok(match row.u8()? {
        etag::MD5 => ETag::Md5(row.array()?),
        etag::MULTIPART => ETag::Multipart { digest: row.array()?, parts: row.u32()? },
        etag::OPAQUE => ETag::Opaque(row.array()?),
        _ => return Err(UNKNOWN_ETAG),
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
        if let Some(restore) = &self.restore {
            row.u8(field::RESTORE);
            encode_restore(restore, row);
        }
        if let Some(entered) = self.entered {
            row.u8(field::ENTERED);
            row.i64(entered.as_millis());
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
                field::RESTORE => rare.restore = Some(decode_restore(row)?),
                field::ENTERED => rare.entered = Some(Timestamp::from_millis(row.i64()?)),
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

fn encode_restore(restore: &Restore, row: &mut Encoder) {
    row.i64(restore.requested.as_millis());
    row.u8(restore.tier.code());
    row.optional(restore.days, |row, days| row.u32(days.0));
    row.i64(restore.completes.as_millis());
    row.optional(restore.expires, |row, expires| row.i64(expires.as_millis()));
}

fn decode_restore(row: &mut Decoder<'_>) -> Result<Restore, Damage> {
    Ok(Restore {
        requested: Timestamp::from_millis(row.i64()?),
        tier: RestoreTier::from_code(row.u8()?).ok_or(Damage("an unknown restore tier"))?,
        days: row.optional(Decoder::u32)?.map(Days),
        completes: Timestamp::from_millis(row.i64()?),
        expires: row.optional(Decoder::i64)?.map(Timestamp::from_millis),
    })
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
