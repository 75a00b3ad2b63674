//! `Body`: a blob's bytes on their way into a frame.

use crate::format::{CHUNK_BYTES, checksum, checksum_combine, digest};
use bytes::Bytes;

/// The bytes of one blob, as they came, with their checksums.
#[derive(Debug)]
pub(crate) struct Body {
    /// In order, none empty.
    pub(crate) chunks: Vec<Bytes>,
    pub(crate) len: u32,
    /// The table of the frame's extension: a checksum for each 64 KiB; empty for a short body.
    pub(crate) table: Vec<u8>,
    /// Of all bytes.
    pub(crate) sum: u64,
}

impl Body {
    /// Sums what will be one frame.
    pub(crate) fn new(mut chunks: Vec<Bytes>) -> Self {
        chunks.retain(|chunk| !chunk.is_empty());
        let len: usize = chunks.iter().map(Bytes::len).sum();
        let packed = u32::try_from(len).expect("a packed body has at most a few MiB");
        if len <= CHUNK_BYTES {
            let sum = match chunks.as_slice() {
                [only] => checksum(only),
                several => {
                    let mut digest = digest();
                    several.iter().for_each(|chunk| digest.update(chunk));
                    digest.finalize()
                }
            };
            return Self { chunks, len: packed, table: Vec::new(), sum };
        }
        let mut table = Vec::with_capacity(len.div_ceil(CHUNK_BYTES) * 8);
        let mut whole: Option<u64> = None;
        each_sum(&chunks, |sum, len| {
            table.extend_from_slice(&sum.to_le_bytes());
            whole = Some(match whole {
                Some(before) => checksum_combine(before, sum, len as u64),
                None => sum,
            });
        });
        Self { chunks, len: packed, table, sum: whole.expect("a long body has chunks") }
    }
}

/// Tells the checksum and length of each 64 KiB of what `chunks` are end to end.
fn each_sum(chunks: &[Bytes], mut tell: impl FnMut(u64, usize)) {
    let mut open = digest();
    let mut open_len = 0;
    for chunk in chunks {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let piece = rest.len().min(CHUNK_BYTES - open_len);
            if piece == CHUNK_BYTES {
                tell(checksum(&rest[..piece]), piece);
            } else {
                open.update(&rest[..piece]);
                open_len += piece;
                if open_len == CHUNK_BYTES {
                    tell(open.finalize_reset(), open_len);
                    open_len = 0;
                }
            }
            rest = &rest[piece..];
        }
    }
    if open_len > 0 {
        tell(open.finalize(), open_len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lens: &[usize]) {
        let total: usize = lens.iter().sum();
        let whole: Vec<u8> = (0..=250).cycle().take(total).collect();
        let mut at = 0;
        let mut chunks = Vec::new();
        for len in lens {
            chunks.push(Bytes::copy_from_slice(&whole[at..at + len]));
            at += len;
        }
        let body = Body::new(chunks);
        assert_eq!(body.sum, checksum(&whole));
        assert_eq!(body.len as usize, total);
        if total > CHUNK_BYTES {
            let sums = whole.chunks(CHUNK_BYTES).flat_map(|chunk| checksum(chunk).to_le_bytes());
            assert_eq!(body.table, sums.collect::<Vec<u8>>());
        } else {
            assert!(body.table.is_empty());
        }
    }

    #[test]
    fn sums_do_not_depend_on_how_the_bytes_came() {
        check(&[]);
        check(&[0, 10, 0, 20]);
        check(&[CHUNK_BYTES]);
        check(&[CHUNK_BYTES + 1]);
        check(&[1, CHUNK_BYTES, CHUNK_BYTES - 1, 3]);
        check(&[5 * CHUNK_BYTES]);
        check(&[70_000, 100, 300_000, 0, 1]);
    }
}
