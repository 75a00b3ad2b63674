//! Upload part copy: a part that shares the bytes of an object, or takes them in again.

use super::{
    get::{find_version, load_parts},
    until_undisturbed,
    upload::{owner, require},
    upload_part::{Committed, NewPart, attempt, finish, part_number, put_body},
};
use crate::{
    authority::Permit,
    binding::binding,
    body::Body,
    bucket::Bucket,
    checksum::{
        Checksum, ChecksumAlgorithm, ChecksumType, Hasher, Md5, crc64_nvme, crc64_nvme_combine,
    },
    content::{Content, Owner, no_sealer},
    edit::Stored,
    error::{Error, Result},
    etag::ETag,
    object_key::ObjectKey,
    row::{BodyRow, Extent, HeadKey, PartEntry},
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
    source: &Bucket,
    source_key: &ObjectKey,
    options: &CopyPartOptions,
) -> Result<Part> {
    let number = part_number(upload, number)?;
    drop(upload.bucket.config()?);
    let algorithm = require(upload)?.row.algorithm;
    let mut copying =
        Copying { upload, number, algorithm, source, source_key, options, known: None };
    let outcome = until_undisturbed(&upload.bucket, upload.key.as_str(), || copying.attempt())?;
    match outcome {
        Outcome::Shared(committed) => finish(upload, committed, algorithm),
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
    number: u16,
    algorithm: ChecksumAlgorithm,
    source: &'a Bucket,
    source_key: &'a ObjectKey,
    options: &'a CopyPartOptions,
    /// What was read of a range of a body, so that looking again need not read it again.
    known: Option<(BodyRow, Range<u64>, Digests)>,
}

impl Copying<'_> {
    /// `None` when the source changed meanwhile.
    fn attempt(&mut self) -> Result<Option<Outcome>> {
        let stored = self.find_source()?;
        let range = self.range_of(&stored)?;
        match self.copy(&stored, range) {
            Ok(Step::Done(outcome)) => Ok(Some(outcome)),
            Ok(Step::Disturbed) => Ok(None),
            // Its bytes are gone because it was replaced meanwhile: then its row says so.
            Ok(Step::Missing) | Err(_) if self.is_changed(&stored)? => Ok(None),
            Ok(Step::Missing) => {
                let what = format!("key `{}` in bucket `{}`", self.source_key, self.source.name());
                Err(Error::damaged(what, "its row names bytes that do not exist"))
            }
            Err(error) => Err(error),
        }
    }

    /// Law: S3, UploadPartCopy, source.
    fn find_source(&self) -> Result<Stored> {
        let head = HeadKey::new(self.source.state().id, self.source_key.as_str());
        let found = find_version(self.source, self.source_key, &head, self.options.version);
        let stored = found.map_err(|error| match error {
            Error::MethodNotAllowed { .. } => {
                Error::invalid_request("the source of a copied part is a delete marker")
            }
            error => error,
        })?;
        let row = &stored.row;
        let now = self.source.store().now();
        let outcome = self.options.conditions.check_copy_source(row.etag, row.modified, now);
        outcome.into_result(row.etag, row.modified)?;
        Ok(stored)
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
        Ok(self.source.store().row(&stored.at)?.as_ref() != Some(&stored.raw))
    }

    fn copy(&mut self, stored: &Stored, range: Range<u64>) -> Result<Step> {
        let parts = match &stored.row.body {
            BodyRow::Manifest { id, .. } => load_parts(self.source, *id)?,
            _ => Vec::new(),
        };
        let owner = self.source.owner(self.source_key.clone(), stored.row.version);
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
        if !Arc::ptr_eq(self.source.store(), self.upload.bucket.store()) {
            return Ok(None);
        }
        let pieces = match &stored.row.body {
            BodyRow::Inline(_) => return Ok(None),
            BodyRow::Extents(extents) => slices(extents.iter().map(|it| (0, it)), range),
            BodyRow::Manifest { .. } => {
                let parts = (0..).zip(parts);
                slices(parts.flat_map(|(nth, it)| it.extents.iter().map(move |e| (nth, e))), range)
            }
        };
        if pieces.len() > SHARED_EXTENTS_MAX {
            return Ok(None);
        }
        pieces
            .into_iter()
            .map(|(part, extent)| self.rebound(owner, part, extent))
            .collect::<Result<_>>()
            .map(Some)
    }

    /// Binds what opens a piece to the upload.
    fn rebound(&self, source: &Owner, part: u16, mut extent: Extent) -> Result<Extent> {
        let Some(envelope) = &extent.envelope else { return Ok(extent) };
        let sealer = self.upload.bucket.store().sealer.as_ref().ok_or_else(no_sealer)?;
        let target = owner(self.upload);
        let from = binding(source, part, extent.blob_len);
        let to = binding(&target, self.number, extent.blob_len);
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
            && let Some(digests) = Digests::of_whole(stored, md5, self.algorithm)
        {
            return Ok(Some(digests));
        }
        if let Some((body, known, digests)) = &self.known
            && (body, known) == (&stored.row.body, &range)
        {
            return Ok(Some(*digests));
        }
        let Some(content) = Content::open(self.source.store(), owner, &stored.row, parts)? else {
            return Ok(None);
        };
        let digests = Digests::read(content, range.clone(), md5, self.algorithm)?;
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
        let Some(content) = Content::open(self.source.store(), owner, &stored.row, parts)? else {
            return Ok(Step::Missing);
        };
        let size = range.end - range.start;
        let body = Body::reader(content.reader(range)).with_len(size);
        let mut options = PartOptions::new();
        options.durability = self.options.durability;
        put_body(self.upload, self.number, body, self.algorithm, &options)
            .map(|part| Step::Done(Outcome::Written(part)))
    }
}

/// The pieces of a body that a range touches, each cut to it, with the part it is of.
fn slices<'a>(
    pieces: impl Iterator<Item = (u16, &'a Extent)>,
    range: &Range<u64>,
) -> Vec<(u16, Extent)> {
    let mut start = 0;
    let mut cut = Vec::new();
    for (part, extent) in pieces {
        let end = start + extent.len;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            let offset = extent.offset + (from - start);
            cut.push((part, Extent { offset, len: to - from, ..extent.clone() }));
        }
        start = end;
    }
    cut
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
