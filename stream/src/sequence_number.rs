//! `SequenceNumber`: a record's number, in Kinesis's own layout.
//!
//! ```text
//! 47 hexadecimal digits, written as one decimal number:
//!   2 | shard's creation, s (9) | shard (low digit) | index (16) | 00 | arrival, s (9) | shard (8) | 2
//! ```
//!
//! So the numbers of a shard compare as their indexes do, and those of a child are above its
//! parents'. Layout: found out by the authors of kinesalite, and seen in the service's answers.

use crate::{
    error::{Error, Result},
    hash_key::is_decimal,
    shard_id::ShardId,
};
use std::{cmp::Ordering, fmt, str::FromStr};

/// A record's number: unique in its stream, growing in its shard.
///
/// Not dense, and not an offset: take it as an opaque decimal that orders.
///
/// Law: Kinesis, sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SequenceNumber {
    /// When the shard was made, in seconds since 1970.
    pub(crate) shard_created: u64,
    pub(crate) shard: ShardId,
    /// The record's place in its shard; 0 is the shard's own beginning, before its first record.
    pub(crate) index: u64,
    /// When the record arrived, in seconds since 1970.
    pub(crate) arrived: u64,
}

/// The index of the number that closes a shard.
pub(crate) const INDEX_END: u64 = 0x7fff_ffff_ffff_ffff;
/// First moment that no number can carry, in seconds since 1970.
const SECONDS_END: u64 = 16_025_175_000;
const VERSION: u128 = 2;
const DIGITS_MAX: usize = 129;

impl SequenceNumber {
    pub(crate) fn new(shard_created: u64, shard: ShardId, index: u64, arrived: u64) -> Self {
        let clamped = |seconds: u64| seconds.min(SECONDS_END - 1);
        Self { shard_created: clamped(shard_created), shard, index, arrived: clamped(arrived) }
    }

    /// The shard that the number is of.
    #[must_use]
    pub fn shard_id(&self) -> ShardId {
        self.shard
    }

    /// The number's upper 60 and lower 128 bits.
    fn bits(&self) -> (u64, u128) {
        let shard = self.shard.number();
        let high = (2 << 56)
            | (self.shard_created << 20)
            | (u64::from(shard & 0xf) << 16)
            | (self.index >> 48);
        let low = (u128::from(self.index & 0xffff_ffff_ffff) << 80)
            | (u128::from(self.arrived) << 36)
            | (u128::from(shard) << 4)
            | VERSION;
        (high, low)
    }

    fn from_bits(high: u64, low: u128) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "masked to the width of the field")]
        let field = |shift: u32, bits: u32| (low >> shift) as u64 & ((1 << bits) - 1);
        let number = Self {
            shard_created: (high >> 20) & 0xf_ffff_ffff,
            shard: ShardId::new(u32::try_from(field(4, 32)).ok()?)?,
            index: ((high & 0xffff) << 48) | field(80, 48),
            arrived: field(36, 36),
        };
        let in_time = number.shard_created < SECONDS_END && number.arrived < SECONDS_END;
        // What is not made of these fields alone does not come out the same.
        (in_time && number.index <= INDEX_END && number.bits() == (high, low)).then_some(number)
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bits().cmp(&other.bits())
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Prints the decimal number.
impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low) = self.bits();
        let mut limbs = Limbs::new(high, low);
        // 188 bits are at most 57 digits: seven groups of nine.
        let mut groups = [0; 7];
        for group in groups.iter_mut().rev() {
            *group = limbs.divide(GROUP);
        }
        let first = groups.iter().position(|&group| group != 0).unwrap_or(6);
        let mut text = groups[first].to_string();
        for group in &groups[first + 1..] {
            text.push_str(&format!("{group:09}"));
        }
        f.pad(&text)
    }
}

/// Reads the decimal number.
impl FromStr for SequenceNumber {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !is_decimal(text, DIGITS_MAX) {
            return Err(Error::validation(
                "sequenceNumber",
                text,
                "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
            ));
        }
        let invalid = || Error::invalid_argument(format!("Invalid sequence number {text}."));
        let mut limbs = Limbs::default();
        for digit in text.bytes() {
            limbs = limbs.times_ten_plus(u32::from(digit - b'0')).ok_or_else(invalid)?;
        }
        let (high, low) = limbs.halves();
        Self::from_bits(high, low).ok_or_else(invalid)
    }
}

/// Nine digits at a time.
const GROUP: u32 = 1_000_000_000;

/// A number of 192 bits, the highest limb first.
#[derive(Clone, Copy, Debug, Default)]
struct Limbs([u32; 6]);

impl Limbs {
    #[expect(clippy::cast_possible_truncation, reason = "a number is cut into its limbs")]
    fn new(high: u64, low: u128) -> Self {
        Self([
            (high >> 32) as u32,
            high as u32,
            (low >> 96) as u32,
            (low >> 64) as u32,
            (low >> 32) as u32,
            low as u32,
        ])
    }

    fn halves(self) -> (u64, u128) {
        let high = self.0[..2].iter().fold(0, |sum, &limb| (sum << 32) | u64::from(limb));
        let low = self.0[2..].iter().fold(0, |sum, &limb| (sum << 32) | u128::from(limb));
        (high, low)
    }

    /// Divides in place; gives the remainder.
    fn divide(&mut self, by: u32) -> u32 {
        let mut rest = 0;
        for limb in &mut self.0 {
            let part = (rest << 32) | u64::from(*limb);
            *limb = u32::try_from(part / u64::from(by)).expect("the rest is below the divisor");
            rest = part % u64::from(by);
        }
        u32::try_from(rest).expect("a remainder is below the divisor")
    }

    /// `None` when it takes more than 192 bits.
    fn times_ten_plus(mut self, digit: u32) -> Option<Self> {
        let mut carry = u64::from(digit);
        for limb in self.0.iter_mut().rev() {
            let part = u64::from(*limb) * 10 + carry;
            #[expect(clippy::cast_possible_truncation, reason = "the rest is carried")]
            let low = part as u32;
            (*limb, carry) = (low, part >> 32);
        }
        (carry == 0).then_some(self)
    }
}

#[cfg(test)]
mod tests;
