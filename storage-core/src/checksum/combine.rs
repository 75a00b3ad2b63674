//! The CRC of two runs of bytes, from theirs.
//!
//! A CRC is a polynomial over GF(2) modulo that of its algorithm. Bytes that follow multiply what came
//! before by `x^(8 len)`, so `crc(a, b) = crc(a) * x^(8 len(b)) + crc(b)`: the method of zlib's
//! `crc32_combine`. The start and end values of our three CRCs are all ones, which cancel out.
//!
//! The power depends on the length alone, and is the product of those of its bits, which stand in a
//! table: one for a length like that of a chunk. Parts of an upload have mostly one length, so the last
//! power is kept: 10 000 parts combine within a millisecond.

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
            ChecksumAlgorithm::Crc64Nvme => CRC64_NVME,
            ChecksumAlgorithm::Crc32 => CRC32,
            ChecksumAlgorithm::Crc32c => CRC32C,
            ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => return None,
        };
        Some(Self { field, len: 0, power: field.one })
    }

    /// The CRC of what has `first`, followed by `len` bytes that have `second`.
    ///
    /// Cost: one multiplication (some 0.1 us), and one more for each bit set in a length that is not
    /// that of the last call.
    pub(super) fn combine(&mut self, first: u64, second: u64, len: u64) -> u64 {
        if first == 0 {
            return second;
        }
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
    /// Number `n` is `x` to the power of `2^n`.
    powers: &'static Powers,
}

/// As many as a length of 64 bits needs: a byte is `2^3` bits.
type Powers = [u64; 67];

static POWERS_64_NVME: Powers = powers(1 << 63, 0x9a6c_9329_ac4b_c9b5);
static POWERS_32: Powers = powers(1 << 31, 0xedb8_8320);
static POWERS_32C: Powers = powers(1 << 31, 0x82f6_3b78);

const CRC64_NVME: Field =
    Field { one: 1 << 63, polynomial: 0x9a6c_9329_ac4b_c9b5, powers: &POWERS_64_NVME };
const CRC32: Field = Field { one: 1 << 31, polynomial: 0xedb8_8320, powers: &POWERS_32 };
const CRC32C: Field = Field { one: 1 << 31, polynomial: 0x82f6_3b78, powers: &POWERS_32C };

impl Field {
    /// `x^(8 len)`.
    fn power_of_bytes(self, len: u64) -> u64 {
        let bits = (0..u64::BITS as usize).filter(|bit| len >> bit & 1 == 1);
        let powers = bits.map(|bit| self.powers[bit + 3]);
        powers.reduce(|one, other| self.multiply(one, other)).unwrap_or(self.one)
    }

    fn multiply(self, left: u64, right: u64) -> u64 {
        multiply(self.one, self.polynomial, left, right)
    }
}

const fn powers(one: u64, polynomial: u64) -> Powers {
    // The first is x itself.
    let mut powers = [one >> 1; 67];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = multiply(one, polynomial, powers[at - 1], powers[at - 1]);
        at += 1;
    }
    powers
}

const fn multiply(one: u64, polynomial: u64, mut left: u64, mut right: u64) -> u64 {
    let mut product = 0;
    while left != 0 {
        if left & one != 0 {
            product ^= right;
        }
        // The bits left to look at move up; `one` is where the next is looked for.
        left = (left & !one) << 1;
        right = right >> 1 ^ if right & 1 == 1 { polynomial } else { 0 };
    }
    product
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
