//! Upload part copy: a part that shares the bytes of an object, or takes them in again.

use super::{
    copy::find_source,
    until_undisturbed,
    upload::{Found, ordinal, owner, require},
    upload_part::{Committed, NewPart, attempt, finish, part_number, put_body},
};
use crate::{
    authority::Permit,
    binding::binding,
    bodies::{missing_blob, parts_of},
    body::Body,
    checksum::{
        Checksum, ChecksumAlgorithm, ChecksumType, Hasher, Md5, crc64_nvme, crc64_nvme_combine,
    },
    content::{Content, Owner, no_sealer},
    copy_options::CopySource,
    edit::Stored,
    error::{Error, Result},
    etag::ETag,
    row::{BodyRow, Extent, PartEntry},
    settings::EtagMode,
    upload::{CopyPartOptions, Part, PartOptions, Upload},
};
use bytes::Bytes;
use std::{ops::Range, sync::Arc};

/// A part shares at most so many pieces; one of more is written anew. Bounds the rows of parts.
const SHARED_EXTENTS_MAX: usize = 16;

pub(crate) fn copy_part(
    upload: &Upload,
    _permit: Permit,
    number: u32,
    source: &CopySource,
    options: &CopyPartOptions,
) -> Result<Part> {
    let number = part_number(upload, number)?;
    drop(upload.bucket.config()?);
    let found = require(upload)?;
    let mut copying = Copying { upload, found, number, source, options, known: None };
    let outcome = until_undisturbed(&upload.bucket, upload.key.as_str(), || copying.attempt())?;
    match outcome {
        Outcome::Shared(committed) => finish(upload, committed, copying.found.row.algorithm),
        Outcome::Written(part) => Ok(part),
    }
}

/// How far an attempt came.
enum Step {
    Done(Outcome),
    /// The commit did not happen.
    Disturbed,
    /// The source's bytes are not where its row says.
    Missing,
}

enum Outcome {
    Shared(Committed),
    Written(Part),
}

struct Copying<'a> {
    upload: &'a Upload,
    found: Found,
    number: u16,
    source: &'a CopySource,
    options: &'a CopyPartOptions,
    /// What was read of a range of a body, so that looking again need not read it again.
    known: Option<(BodyRow, Range<u64>, Digests)>,
}

impl Copying<'_> {
    /// `None` when the source changed meanwhile.
    fn attempt(&mut self) -> Result<Option<Outcome>> {
        let stored = find_source(self.source)?;
        let range = self.range_of(&stored)?;
        match self.copy(&stored, range) {
            Ok(Step::Done(outcome)) => Ok(Some(outcome)),
            Ok(Step::Disturbed) => Ok(None),
            // Its bytes are gone because it was replaced meanwhile: then its row says so.
            Ok(Step::Missing) | Err(_) if self.is_changed(&stored)? => Ok(None),
            Ok(Step::Missing) => Err(missing_blob(&self.owner(&stored))),
            Err(error) => Err(error),
        }
    }

    /// Law: S3, UploadPartCopy range.
    fn range_of(&self, stored: &Stored) -> Result<Range<u64>> {
        let size = stored.row.size;
        let range = match self.options.range {
            Some(range) => range.resolve_copy_source(size)?,
            None => 0..size,
        };
        let max = self.upload.bucket.store().limits().part_bytes_max;
        let bytes = range.end - range.start;
        if bytes > max {
            return Err(Error::invalid_request(format!(
                "a copied part of {bytes} bytes is too large; at most {max} are allowed"
            )));
        }
        Ok(range)
    }

    fn is_changed(&self, stored: &Stored) -> Result<bool> {
        Ok(self.source.bucket.store().row(&stored.at)?.as_ref() != Some(&stored.raw))
    }

    fn owner(&self, stored: &Stored) -> Owner {
        self.source.bucket.owner(self.source.key.clone(), stored.row.version)
    }

    fn copy(&mut self, stored: &Stored, range: Range<u64>) -> Result<Step> {
        let parts = parts_of(&self.source.bucket, &stored.row)?;
        let owner = self.owner(stored);
        match self.shared(&owner, stored, &parts, &range)? {
            Some(extents) => self.share(owner, stored, parts, range, extents),
            None => self.write(owner, stored, parts, range),
        }
    }

    /// The pieces to share; `None` when the bytes have to be written anew.
    fn shared(
        &self,
        owner: &Owner,
        stored: &Stored,
        parts: &[PartEntry],
        range: &Range<u64>,
    ) -> Result<Option<Vec<Extent>>> {
        if !Arc::ptr_eq(self.source.bucket.store(), self.upload.bucket.store()) {
            return Ok(None);
        }
        if matches!(stored.row.body, BodyRow::Inline(_)) {
            return Ok(None);
        }
        let pieces = slices(parts.iter().flat_map(|part| &part.extents), range);
        if pieces.len() > SHARED_EXTENTS_MAX {
            return Ok(None);
        }
        let rebound = |(nth, (place, extent))| self.rebound(owner, place, nth, extent);
        (0..).zip(pieces).map(rebound).collect::<Result<_>>().map(Some)
    }

    /// Binds what opens a piece to the upload: it was the extent at `place` in its source, and is to
    /// be the `nth` of its part.
    fn rebound(&self, source: &Owner, place: u32, nth: u16, mut extent: Extent) -> Result<Extent> {
        let Some(envelope) = &extent.envelope else { return Ok(extent) };
        let sealer = self.upload.bucket.store().sealer.as_ref().ok_or_else(no_sealer)?;
        let target = owner(self.upload, self.found.place());
        let from = binding(source, place, extent.blob_len);
        let to = binding(&target, ordinal(self.number, nth), extent.blob_len);
        extent.envelope = Some(sealer.rebind(&target.context(), envelope, &from, &to)?);
        Ok(extent)
    }

    fn share(
        &mut self,
        owner: Owner,
        stored: &Stored,
        parts: Vec<PartEntry>,
        range: Range<u64>,
        extents: Vec<Extent>,
    ) -> Result<Step> {
        let size = range.end - range.start;
        if extents.iter().map(|extent| extent.len).sum::<u64>() != size {
            return Ok(Step::Missing);
        }
        let Some(digests) = self.digests(owner, stored, parts, range)? else {
            return Ok(Step::Missing);
        };
        let checksum = digests.checksum.map(|it| Bytes::copy_from_slice(it.digest()));
        let entry =
            PartEntry { number: self.number, size, crc64: digests.crc64, checksum, extents };
        let new = NewPart { entry, md5: digests.md5 };
        let committed = attempt(self.upload, &new, Some(stored), self.options.durability)?;
        Ok(committed.map_or(Step::Disturbed, |it| Step::Done(Outcome::Shared(it))))
    }

    /// What the part is told of: known of the source as a whole, or read from the range.
    fn digests(
        &mut self,
        owner: Owner,
        stored: &Stored,
        parts: Vec<PartEntry>,
        range: Range<u64>,
    ) -> Result<Option<Digests>> {
        let md5 = self.upload.bucket.store().settings.etag == EtagMode::Md5;
        if range == (0..stored.row.size)
            && let Some(digests) = Digests::of_whole(stored, md5, self.found.row.algorithm)
        {
            return Ok(Some(digests));
        }
        if let (false, ChecksumAlgorithm::Crc64Nvme) = (md5, self.found.row.algorithm)
            && let Some(crc64) = crc64_of_parts(&parts, &range)
        {
            return Ok(Some(Digests { crc64, md5: None, checksum: None }));
        }
        if let Some((body, known, digests)) = &self.known
            && (body, known) == (&stored.row.body, &range)
        {
            return Ok(Some(*digests));
        }
        let Some(content) =
            Content::open(self.source.bucket.store(), || owner, &stored.row, parts)?
        else {
            return Ok(None);
        };
        let digests = Digests::read(content, range.clone(), md5, self.found.row.algorithm)?;
        self.known = Some((stored.row.body.clone(), range, digests));
        Ok(Some(digests))
    }

    /// Takes the bytes in as those of any part.
    fn write(
        &self,
        owner: Owner,
        stored: &Stored,
        parts: Vec<PartEntry>,
        range: Range<u64>,
    ) -> Result<Step> {
        let Some(content) =
            Content::open(self.source.bucket.store(), || owner, &stored.row, parts)?
        else {
            return Ok(Step::Missing);
        };
        let size = range.end - range.start;
        let body = Body::reader(content.reader(range)).with_len(size);
        let mut options = PartOptions::new();
        options.durability = self.options.durability;
        put_body(self.upload, &self.found, self.number, body, &options)
            .map(|part| Step::Done(Outcome::Written(part)))
    }
}

/// The extents of a body that a range touches, each cut to it, with its place in the body.
fn slices<'a>(extents: impl Iterator<Item = &'a Extent>, range: &Range<u64>) -> Vec<(u32, Extent)> {
    let mut start = 0;
    let mut cut = Vec::new();
    for (place, extent) in (0..).zip(extents) {
        let end = start + extent.len;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            let offset = extent.offset + (from - start);
            cut.push((place, Extent { offset, len: to - from, ..extent.clone() }));
        }
        start = end;
    }
    cut
}

/// The CRC-64/NVME of a range that is made of whole parts.
fn crc64_of_parts(parts: &[PartEntry], range: &Range<u64>) -> Option<u64> {
    let mut start = 0;
    let mut whole = None;
    for part in parts {
        let end = start + part.size;
        if start == range.start {
            whole = Some(0);
        }
        whole = whole.map(|crc| crc64_nvme_combine(crc, part.crc64, part.size));
        if end >= range.end {
            return whole.filter(|_| end == range.end);
        }
        start = end;
    }
    None
}

/// What is told of a part.
#[derive(Clone, Copy, Debug)]
struct Digests {
    crc64: u64,
    /// In a store whose entity tags are MD5s.
    md5: Option<[u8; 16]>,
    /// In the upload's algorithm, unless that is CRC-64/NVME.
    checksum: Option<Checksum>,
}

impl Digests {
    /// Those of a whole object, if its row tells them all.
    fn of_whole(stored: &Stored, md5: bool, algorithm: ChecksumAlgorithm) -> Option<Self> {
        let row = &stored.row;
        let md5 = match (md5, row.etag) {
            (false, _) => None,
            (true, ETag::Md5(digest)) => Some(digest),
            (true, _) => return None,
        };
        let checksum = match algorithm {
            ChecksumAlgorithm::Crc64Nvme => None,
            _ => {
                let known = row.rare.as_ref()?.checksum?;
                let same =
                    (known.algorithm(), known.kind()) == (algorithm, ChecksumType::FullObject);
                Some(known).filter(|_| same).map(Some)?
            }
        };
        Some(Self { crc64: row.crc64, md5, checksum })
    }

    /// Those of a range, by reading it once. Memory: one chunk.
    fn read(
        content: Content,
        range: Range<u64>,
        md5: bool,
        algorithm: ChecksumAlgorithm,
    ) -> Result<Self> {
        let mut crc64 = 0;
        let mut md5 = md5.then(Md5::new);
        let mut hasher =
            (algorithm != ChecksumAlgorithm::Crc64Nvme).then(|| Hasher::new(algorithm));
        let mut reader = content.reader(range);
        while let Some(chunk) = reader.next_chunk()? {
            crc64 = crc64_nvme_combine(crc64, crc64_nvme(&chunk), chunk.len() as u64);
            if let Some(md5) = &mut md5 {
                md5.update(&chunk);
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&chunk);
            }
        }
        let (md5, checksum) = (md5.map(Md5::finish), hasher.map(Hasher::finish));
        Ok(Self { crc64, md5, checksum })
    }
}
