//! What the core keeps in a backend: the key space, and one stored shape a file.
//!
//! | first byte | then | value |
//! |---|---|---|
//! | `01` | name | store-wide facts: the sequence's high-water mark (`seq`), the last bucket id (`bucket`) |
//! | `02` | bucket name | [`BucketRow`] |
//! | `03` | bucket id (4), escaped key, `00 01`, `00` | [`ObjectRow`] of the current version |
//! | `03` | bucket id (4), escaped key, `00 01`, `01`, inverted sequence (8) | of a noncurrent version |
//! | `04` | bucket id (4), escaped key, `00 01`, sequence (8) | [`UploadRow`] |
//! | `05` | bucket id (4), upload's sequence (8), part number (2) | [`PartRow`] |
//! | `06` | manifest id (8), chunk (4) | [`ManifestRow`]: the parts of a body that has many |
//! | `07` | bucket id (4), position of the commit (8), index (2) | a change, see [`crate::changes`] |
//! | `08` | bucket id (4), upload's sequence (8) | the answer of a completed upload |
//! | `09` | bucket id (4), client token | the answer of a rename |
//! | `0a` | bucket id (4) | how far lifecycle's sweep is: the key it goes on behind |
//! | `0b` | bucket id (4), when (8, its sign inverted), sequence (8) | a restore that is done then, or a copy that lapses |
//! | `20` to `2f` | | streams', see the crate `cistern-stream` |
//!
//! A key of an object is escaped (`00` becomes `00 FF`) and ended by `00 01`, so that byte order of
//! rows is byte order of keys and no key is a prefix of another. The current version of a key comes
//! before its noncurrent ones, which come newest first: "current" is one row, a page of a list is
//! one scan. Numbers in keys are big-endian, numbers in values little-endian. First byte `00` belongs
//! to the backend.

mod bucket_row;
mod codec;
#[cfg(test)]
mod golden;
mod key;
mod manifest;
mod object_row;
mod upload_row;

pub(crate) use bucket_row::BucketRow;
pub(crate) use codec::{Damage, Decoder, Encoder};
pub(crate) use key::{
    HeadKey, bucket_key, bucket_name_of, completed_key, counter_key, counter_prefix, is_head,
    manifest_key, part_key, ranges, renamed_key, restoring_key, seq_of, sequence_key,
    split_restoring, split_row, stamped_prefix, sweep_key, upload_key,
};
pub(crate) use manifest::{Extent, ManifestRow, PartEntry};
pub(crate) use object_row::{
    BodyRow, ObjectRow, Rare, decode_etag, decode_info, encode_etag, is_delete_marker,
};
pub(crate) use upload_row::{CompletedRow, PartRow, UploadRow};
