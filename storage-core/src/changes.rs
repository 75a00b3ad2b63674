//! The durable feed of a bucket's changes.

use crate::{event::Event, row::Encoder};
use bytes::Bytes;

const FORMAT: u8 = 1;

/// A change as its row keeps it. The bucket and the position are in the row's key.
pub(crate) fn encode(event: &Event) -> Bytes {
    let mut row = Encoder::with_capacity(96 + event.key.as_str().len());
    row.u8(FORMAT);
    row.u8(event.name.code());
    row.i64(event.time.as_millis());
    row.u64(event.sequencer);
    row.bytes(event.key.as_str().as_bytes());
    row.optional(event.version, |row, version| match version {
        crate::version_id::VersionId::Stamped { seq, tag } => {
            row.u8(1);
            row.u64(seq);
            row.u64(tag);
        }
        _ => row.u8(0),
    });
    row.optional(event.size, Encoder::u64);
    row.optional(event.etag, |row, etag| crate::row::encode_etag(etag, row));
    row.finish()
}
