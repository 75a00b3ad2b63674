//! A sealer that is safe against nobody, and strict about everything: a keystream, and a checksum
//! behind every 64 bytes.

use bytes::Bytes;
use cistern_storage_core::{
    checksum::crc64_nvme,
    port::{SealContext, SealError, Sealed, Sealer, Sealing},
};
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const CHUNK: usize = 64;
const TAG: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct ToySealer {
    keys: AtomicU64,
    opened: Arc<AtomicU64>,
    rebound: AtomicU64,
}

impl ToySealer {
    /// How many chunks were opened.
    pub(crate) fn chunks_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// How many envelopes were bound to something else.
    pub(crate) fn rebound(&self) -> u64 {
        self.rebound.load(Ordering::Relaxed)
    }
}

fn stream(key: u64, chunk: u64, bytes: &[u8]) -> Vec<u8> {
    let pad = |at: usize| {
        let word = (key ^ (chunk << 20) ^ at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (word ^ (word >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes()[2]
    };
    bytes.iter().enumerate().map(|(at, byte)| byte ^ pad(at)).collect()
}

fn seal_chunk(key: u64, chunk: u64, plain: &[u8], out: &mut Vec<u8>) {
    let sealed = stream(key, chunk, plain);
    let tag = crc64_nvme(&sealed) ^ key ^ chunk;
    out.extend_from_slice(&sealed);
    out.extend_from_slice(&tag.to_be_bytes());
}

fn envelope(key: u64, binding: &[u8; 32]) -> Bytes {
    let mut bytes = (key ^ 0x5555_5555_5555_5555).to_be_bytes().to_vec();
    bytes.extend_from_slice(binding);
    bytes.into()
}

fn key_of(envelope: &[u8], binding: &[u8; 32]) -> Result<u64, SealError> {
    let (key, bound) = envelope.split_first_chunk::<8>().ok_or(SealError::Refused)?;
    if bound != binding {
        return Err(SealError::Refused);
    }
    Ok(u64::from_be_bytes(*key) ^ 0x5555_5555_5555_5555)
}

impl Sealer for ToySealer {
    fn seal(&self, _context: &SealContext<'_>) -> Result<Box<dyn Sealing>, SealError> {
        let number = self.keys.fetch_add(1, Ordering::Relaxed) + 1;
        let key = number.wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(Box::new(ToySealing { key, chunk: 0, waiting: Vec::new() }))
    }

    fn open(
        &self,
        _context: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        plain_len: u64,
    ) -> Result<Box<dyn Sealed>, SealError> {
        let key = key_of(envelope, binding)?;
        Ok(Box::new(ToySealed { key, plain_len, opened: Arc::clone(&self.opened) }))
    }

    fn rebind(
        &self,
        _context: &SealContext<'_>,
        bound: &[u8],
        from: &[u8; 32],
        to: &[u8; 32],
    ) -> Result<Bytes, SealError> {
        self.rebound.fetch_add(1, Ordering::Relaxed);
        Ok(envelope(key_of(bound, from)?, to))
    }
}

#[derive(Debug)]
struct ToySealing {
    key: u64,
    chunk: u64,
    waiting: Vec<u8>,
}

impl Sealing for ToySealing {
    fn update(&mut self, plain: &[u8]) -> Result<Bytes, SealError> {
        self.waiting.extend_from_slice(plain);
        let mut out = Vec::new();
        let whole = self.waiting.len() / CHUNK * CHUNK;
        for chunk in self.waiting[..whole].chunks(CHUNK) {
            seal_chunk(self.key, self.chunk, chunk, &mut out);
            self.chunk += 1;
        }
        self.waiting.drain(..whole);
        Ok(out.into())
    }

    fn finish(&mut self) -> Result<Bytes, SealError> {
        let mut out = Vec::new();
        if !self.waiting.is_empty() {
            seal_chunk(self.key, self.chunk, &self.waiting, &mut out);
        }
        Ok(out.into())
    }

    fn envelope(&mut self, binding: &[u8; 32]) -> Result<Bytes, SealError> {
        Ok(envelope(self.key, binding))
    }
}

#[derive(Debug)]
struct ToySealed {
    key: u64,
    plain_len: u64,
    opened: Arc<AtomicU64>,
}

impl ToySealed {
    fn chunks(&self, range: &Range<u64>) -> Range<u64> {
        range.start / CHUNK as u64..range.end.div_ceil(CHUNK as u64)
    }
}

impl Sealed for ToySealed {
    fn sealed_range(&self, range: Range<u64>) -> Range<u64> {
        let chunks = self.chunks(&range);
        let count = self.plain_len.div_ceil(CHUNK as u64);
        let end = (chunks.end * (CHUNK + TAG) as u64).min(self.plain_len + count * TAG as u64);
        (chunks.start * (CHUNK + TAG) as u64).min(end)..end
    }

    fn open_range(&self, range: Range<u64>, sealed: &[u8]) -> Result<Bytes, SealError> {
        let chunks = self.chunks(&range);
        let mut plain = Vec::new();
        for (number, sealed) in (chunks.start..).zip(sealed.chunks(CHUNK + TAG)) {
            let (sealed, tag) = sealed.split_last_chunk::<TAG>().ok_or(SealError::Refused)?;
            if crc64_nvme(sealed) ^ self.key ^ number != u64::from_be_bytes(*tag) {
                return Err(SealError::Refused);
            }
            self.opened.fetch_add(1, Ordering::Relaxed);
            plain.extend(stream(self.key, number, sealed));
        }
        let skip = usize::try_from(range.start - chunks.start * CHUNK as u64).unwrap();
        let len = usize::try_from(range.end - range.start).unwrap();
        plain.get(skip..skip + len).map(Bytes::copy_from_slice).ok_or(SealError::Refused)
    }
}
