//! Checksums: CRC-64/NVME, and the sum of two parts as one without reading them again.

use crc_fast::CrcAlgorithm;

/// The sum of `bytes`.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// The sum of two parts, of which the second is `second_len` bytes long, as one.
///
/// Cost: one multiplication of polynomials (some 0.1 us) for each bit set in `second_len`, so one
/// for a whole chunk. `crc_fast::checksum_combine` takes a thousand times as long: it multiplies
/// matrices.
///
/// Adding a part moves the first one up by its length: it is multiplied by x to the power of the
/// length in bits (Mark Adler's `crc32_combine` in zlib).
pub(crate) fn combine(first: u64, second: u64, second_len: u64) -> u64 {
    let (mut moved, mut bytes, mut power) = (first, second_len, BYTE);
    while bytes != 0 {
        if bytes & 1 == 1 {
            moved = multiply(POWERS[power], moved);
        }
        bytes >>= 1;
        // The powers repeat no later than after as many squarings as there are bits.
        power = (power + 1) % POWERS.len();
    }
    moved ^ second
}

/// The polynomial of CRC-64/NVME, its lowest power in the highest bit.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// `POWERS[n]` is x to the power of 2 to the power of n.
static POWERS: [u64; 64] = powers();

/// A byte is 2 to the power of 3 bits.
const BYTE: usize = 3;

const fn powers() -> [u64; 64] {
    let mut powers = [1 << 62; 64];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = multiply(powers[at - 1], powers[at - 1]);
        at += 1;
    }
    powers
}

/// The product of two polynomials, modulo [`POLYNOMIAL`].
const fn multiply(one: u64, mut other: u64) -> u64 {
    let (mut product, mut rest) = (0, one);
    while rest != 0 {
        if rest >> 63 == 1 {
            product ^= other;
        }
        rest <<= 1;
        other = (other >> 1) ^ if other & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_sum_is_that_of_the_catalogue() {
        assert_eq!(sum(b"123456789"), 0xae8b_1486_0a79_9888);
    }

    proptest! {
        #[test]
        fn two_parts_have_the_sum_of_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..5000),
            at in any::<prop::sample::Index>(),
        ) {
            let (first, second) = bytes.split_at(at.index(bytes.len() + 1));
            let combined = combine(sum(first), sum(second), second.len() as u64);
            prop_assert_eq!(combined, sum(&bytes));
        }

        #[test]
        fn a_length_of_any_size_is_combined_as_the_slow_way_does(
            first in any::<u64>(),
            second in any::<u64>(),
            len in 0..1_u64 << 60,
        ) {
            let slow = crc_fast::checksum_combine(CrcAlgorithm::Crc64Nvme, first, second, len);
            prop_assert_eq!(combine(first, second, len), slow);
        }
    }
}
