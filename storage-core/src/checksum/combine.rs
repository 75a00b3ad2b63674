//! The CRC of two runs of bytes, from theirs.
//!
//! A CRC is a polynomial over GF(2) modulo that of its algorithm. Bytes that follow multiply what came
//! before by `x^(8 len)`, so `crc(a, b) = crc(a) * x^(8 len(b)) + crc(b)`: the method of zlib's
//! `crc32_combine`. The start and end values of our three CRCs are all ones, which cancel out.
//!
//! The power depends on the length alone. Parts of an upload have mostly one length, so the last power
//! is kept: 10 000 parts combine within a millisecond.

use super::ChecksumAlgorithm;

/// Combines the CRCs of one algorithm.
#[derive(Debug)]
pub(super) struct Combiner {
    field: Field,
    len: u64,
    /// `x^(8 len)`.
    power: u64,
}

impl Combiner {
    /// For a CRC; `None` for a hash.
    pub(super) const fn new(algorithm: ChecksumAlgorithm) -> Option<Self> {
        let field = match algorithm {
            ChecksumAlgorithm::Crc64Nvme => {
                Field { one: 1 << 63, polynomial: 0x9a6c_9329_ac4b_c9b5 }
            }
            ChecksumAlgorithm::Crc32 => Field { one: 1 << 31, polynomial: 0xedb8_8320 },
            ChecksumAlgorithm::Crc32c => Field { one: 1 << 31, polynomial: 0x82f6_3b78 },
            ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => return None,
        };
        Some(Self { field, len: 0, power: field.one })
    }

    /// The CRC of what has `first`, followed by `len` bytes that have `second`.
    pub(super) fn combine(&mut self, first: u64, second: u64, len: u64) -> u64 {
        if len != self.len {
            self.power = self.field.power_of_bytes(len);
            self.len = len;
        }
        self.field.multiply(self.power, first) ^ second
    }
}

/// Polynomials modulo one, reflected: the highest bit is the coefficient of `x^0`.
#[derive(Clone, Copy, Debug)]
struct Field {
    /// The polynomial 1, which tells the width.
    one: u64,
    /// The modulus, without its highest term.
    polynomial: u64,
}

impl Field {
    fn multiply(self, left: u64, mut right: u64) -> u64 {
        let mut product = 0;
        let mut bit = self.one;
        while bit != 0 {
            if left & bit != 0 {
                product ^= right;
            }
            right = self.times_x(right);
            bit >>= 1;
        }
        product
    }

    const fn times_x(self, value: u64) -> u64 {
        value >> 1 ^ if value & 1 == 1 { self.polynomial } else { 0 }
    }

    /// `x^(8 len)`, by squaring.
    fn power_of_bytes(self, mut len: u64) -> u64 {
        let mut power = self.one;
        // x^8, the power of one byte; both widths have room for it without a reduction.
        let mut square = self.one >> 8;
        while len != 0 {
            if len & 1 == 1 {
                power = self.multiply(square, power);
            }
            square = self.multiply(square, square);
            len >>= 1;
        }
        power
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crc_fast::{CrcAlgorithm, checksum_combine};
    use proptest::prelude::*;

    #[test]
    fn hashes_do_not_combine() {
        assert!(Combiner::new(ChecksumAlgorithm::Sha1).is_none());
        assert!(Combiner::new(ChecksumAlgorithm::Sha256).is_none());
    }

    proptest! {
        #[test]
        fn an_independent_method_gives_the_same(
            first: u64,
            second: u64,
            lengths in prop::collection::vec(prop_oneof![0_u64..100, any::<u64>()], 1..4),
        ) {
            for (ours, theirs, mask) in [
                (ChecksumAlgorithm::Crc64Nvme, CrcAlgorithm::Crc64Nvme, u64::MAX),
                (ChecksumAlgorithm::Crc32, CrcAlgorithm::Crc32IsoHdlc, u64::from(u32::MAX)),
                (ChecksumAlgorithm::Crc32c, CrcAlgorithm::Crc32Iscsi, u64::from(u32::MAX)),
            ] {
                let mut combiner = Combiner::new(ours).unwrap();
                let (first, second) = (first & mask, second & mask);
                for &len in lengths.iter().chain(&lengths) {
                    prop_assert_eq!(
                        combiner.combine(first, second, len),
                        checksum_combine(theirs, first, second, len)
                    );
                }
            }
        }
    }
}
