//! The same payloads and the same key shapes for everybody, from fixed seeds.

use std::{fmt::Write, io::Read, sync::Arc};

use bytes::Bytes;
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng, seq::SliceRandom};

const SEED: u64 = 17_689_751;

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;

/// Incompressible bytes.
pub fn random(length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(SEED).fill_bytes(&mut bytes);
    bytes.into()
}

/// 256 different incompressible bodies, so that no peer gains by compressing or deduplicating.
pub fn bodies(length: usize) -> Arc<[Bytes]> {
    let mut random = StdRng::seed_from_u64(SEED);
    (0..256)
        .map(|_| {
            let mut body = vec![0; length];
            random.fill_bytes(&mut body);
            body.into()
        })
        .collect()
}

/// `logs/part-07/object-00000042-5bd1e995`: 37 bytes, 16 folders, nearly in order.
pub fn upload_key(id: u64, key: &mut String) {
    key.clear();
    let scattered = (id as u32).wrapping_mul(0x5bd1_e995);
    let _ = write!(key, "logs/part-{:02}/object-{id:08}-{scattered:08x}", id % 16);
}

/// `prefix-0042/object-00007.bin`: the shape of a listing with a delimiter.
pub fn tree_key(id: u64, per_prefix: u64, key: &mut String) {
    key.clear();
    let _ = write!(key, "prefix-{:04}/object-{:05}.bin", id / per_prefix, id % per_prefix);
}

/// Every id below `count` once, in an order that no tree finds convenient.
pub fn shuffled(count: u64) -> Vec<u64> {
    let mut ids: Vec<u64> = (0..count).collect();
    ids.shuffle(&mut StdRng::seed_from_u64(SEED));
    ids
}

/// Cheap chance for the inside of a timed loop (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(SEED ^ seed).random::<u64>() | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let scrambled = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((u128::from(scrambled) * u128::from(limit)) >> 64) as u64
    }
}

/// `length` incompressible bytes as a stream, at the speed of a copy.
pub struct Source {
    block: Bytes,
    position: u64,
    length: u64,
}

impl Source {
    pub fn new(length: u64) -> Self {
        // A length that is no power of two keeps chunk borders and block borders apart.
        Self { block: random(4 * MIB - 977), position: 0, length }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let offset = (self.position % self.block.len() as u64) as usize;
        let left = (self.length - self.position).min(usize::MAX as u64) as usize;
        let length = buffer.len().min(self.block.len() - offset).min(left);
        buffer[..length].copy_from_slice(&self.block[offset..offset + length]);
        self.position += length as u64;
        Ok(length)
    }
}
