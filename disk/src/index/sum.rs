//! Checksums and small decoding of the index's files.

pub(super) use crate::sum::sum as checksum;
use crc_fast::{CrcAlgorithm, Digest};

/// CRC-64/NVME of the parts, end to end.
pub(super) fn checksum_of_parts(parts: &[&[u8]]) -> u64 {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

/// The `N` bytes at `at`, which the caller knows to be there.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N bytes")
}
