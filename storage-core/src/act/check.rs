//! Check: does every row decode, does every blob that a row names exist, do the counters agree with
//! a full count?

use crate::{
    bucket::BucketState,
    checksum::crc64_nvme,
    edit::{Stored, manifest_rows},
    error::{Error, Result},
    port::{BackendError, KeyRange, Order, Row},
    row::{BodyRow, Extent, ObjectRow, PartRow, UploadRow, counter_prefix, ranges, split_row},
    row_key::RowKey,
    stats::{Counted, Tally},
    store::{StoreInner, after},
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inconsistency {
    /// Of which bucket.
    pub bucket: String,
    /// What: a row, a key, a counter.
    pub what: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Rows that are read at once.
const PAGE: usize = 1000;

/// Checks one bucket; findings are handed out as they come.
pub(crate) fn check(
    store: &StoreInner,
    bucket: &BucketState,
    tell: &mut dyn FnMut(Inconsistency),
) -> Result<()> {
    let mut check = Check { store, bucket, tell, tally: Tally::default() };
    check.objects()?;
    check.uploads()?;
    check.counters();
    Ok(())
}

struct Check<'a> {
    store: &'a StoreInner,
    bucket: &'a BucketState,
    tell: &'a mut dyn FnMut(Inconsistency),
    tally: Tally,
}

impl Check<'_> {
    fn tell(&mut self, what: String, detail: impl Into<String>) {
        let bucket = self.bucket.name.to_string();
        (self.tell)(Inconsistency { bucket, what, detail: detail.into() });
    }

    fn each(
        &mut self,
        (mut start, end): (Bytes, Bytes),
        mut visit: impl FnMut(&mut Self, Row) -> Result<()>,
    ) -> Result<()> {
        loop {
            let range = KeyRange::between(&start, &end);
            let rows = self.store.scan(range, Order::Forward, PAGE)?;
            let Some(last) = rows.last() else { return Ok(()) };
            start = after(&last.key);
            for row in rows {
                visit(self, row)?;
            }
        }
    }

    fn objects(&mut self) -> Result<()> {
        self.each(ranges::objects(self.bucket.id), |check, row| {
            let Some((key, suffix)) = split_row(&row.key) else {
                check.tell(format!("row {:02x?}", &row.key[..]), "its key does not decode");
                return Ok(());
            };
            let is_current = crate::row::is_head(suffix);
            let what = format!("a version of key `{}`", String::from_utf8_lossy(&key));
            match Stored::decode(RowKey::from(&row.key[..]), row.value) {
                Err(error) => check.tell(what, error.to_string()),
                Ok(stored) => {
                    check.tally.add(&stored.row, is_current, 1);
                    check.body(what, &stored.row)?;
                }
            }
            Ok(())
        })
    }

    fn body(&mut self, what: String, row: &ObjectRow) -> Result<()> {
        let extents = match &row.body {
            BodyRow::Inline(bytes) => {
                let sealed = row.rare.as_ref().is_some_and(|rare| rare.envelope.is_some());
                let intact = bytes.len() as u64 == row.size && crc64_nvme(bytes) == row.crc64;
                if !sealed && !intact && !row.delete_marker {
                    self.tell(what, "its bytes do not have its length or its checksum");
                }
                return Ok(());
            }
            BodyRow::Extents(extents) => extents.clone(),
            BodyRow::Manifest { id, parts, .. } => match manifest_rows(self.store, *id) {
                Err(Error::Damaged { detail, .. }) => {
                    self.tell(what, detail);
                    return Ok(());
                }
                rows => {
                    let found: Vec<_> = rows?.into_iter().flat_map(|(_, row)| row.parts).collect();
                    if found.len() as u64 != u64::from(*parts) {
                        self.tell(what.clone(), format!("{} of {parts} parts", found.len()));
                    }
                    found.into_iter().flat_map(|part| part.extents).collect()
                }
            },
        };
        let len: u64 = extents.iter().map(|extent| extent.len).sum();
        if len != row.size {
            self.tell(what.clone(), format!("its extents have {len} bytes, not {}", row.size));
        }
        self.blobs(&what, &extents)
    }

    fn blobs(&mut self, what: &str, extents: &[Extent]) -> Result<()> {
        for extent in extents {
            match self.store.backend.open_blob(&extent.blob) {
                Ok(blob) => {
                    let end = extent.offset.saturating_add(extent.len);
                    let is_short = extent.envelope.is_none() && end > blob.len();
                    if is_short || end > extent.blob_len {
                        self.tell(what.into(), format!("blob {} is too short", extent.blob));
                    }
                }
                Err(error @ (BackendError::NoSuchBlob { .. } | BackendError::Damaged { .. })) => {
                    self.tell(what.into(), error.to_string());
                }
                Err(error) => return Err(Error::backend("open a blob", error)),
            }
        }
        Ok(())
    }

    fn uploads(&mut self) -> Result<()> {
        let mut classes = BTreeMap::new();
        self.each(ranges::uploads(self.bucket.id), |check, row| {
            let seq = split_row(&row.key).and_then(|(_, suffix)| crate::row::seq_of(suffix));
            match (seq, UploadRow::decode(&row.value.to_bytes())) {
                (Some(seq), Ok(upload)) => {
                    let class = super::upload::staged_class(upload.class);
                    check.tally.change(class, Counted::Uploads, 1);
                    classes.insert(seq, class);
                }
                _ => check.tell("an upload".into(), "its row does not decode"),
            }
            Ok(())
        })?;
        self.each(ranges::all_parts(self.bucket.id), |check, row| {
            let seq = row.key.get(5..13).and_then(|seq| seq.try_into().ok());
            let seq = seq.map(u64::from_be_bytes);
            let what = format!("a part of upload {}", seq.unwrap_or_default());
            let class = seq.and_then(|seq| classes.get(&seq).copied());
            match (class, PartRow::decode(&row.value.to_bytes())) {
                (Some(class), Ok(part)) => {
                    let size = crate::stats::signed(part.entry.size);
                    check.tally.change(class, Counted::UploadBytes, size);
                    check.blobs(&what, &part.entry.extents)?;
                }
                (None, Ok(_)) => check.tell(what, "there is no such upload"),
                (_, Err(damage)) => check.tell(what, damage.0),
            }
            Ok(())
        })
    }

    fn counters(&mut self) {
        let counted: BTreeMap<_, _> =
            std::mem::take(&mut self.tally).into_counts(self.bucket.id).collect();
        let kept = self.store.backend.counters(&counter_prefix(self.bucket.id));
        let kept: BTreeMap<_, _> = kept.into_iter().collect();
        for key in counted.keys().chain(kept.keys().filter(|key| !counted.contains_key(*key))) {
            let of = |counts: &BTreeMap<Bytes, i64>| counts.get(key).copied().unwrap_or(0);
            if of(&counted) != of(&kept) {
                let what = format!("counter {:02x?}", &key[..]);
                let detail = format!("it is {}, a full count gives {}", of(&kept), of(&counted));
                self.tell(what, detail);
            }
        }
    }
}
