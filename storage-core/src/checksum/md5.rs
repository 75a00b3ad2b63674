//! MD5: for entity tags and Content-MD5, as S3 asks for it. It protects nothing.
//!
//! Each of the 64 steps of a block waits for the one before it, so that the speed of MD5 is the length
//! of that chain. The functions of a step are written so that what the step before has just made
//! comes in last: 4 or 5 operations a step, where the plain forms take up to 6.

use crate::error::{Error, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::fmt;

/// Computes an MD5 piece by piece, for an `ETag` and for Content-MD5.
///
/// Algorithm: RFC 1321.
#[derive(Clone)]
pub struct Md5 {
    state: [u32; 4],
    /// Bytes taken so far.
    len: u64,
    /// The block that is not full yet: the first `len % 64` bytes of it count.
    open: [u8; BLOCK_BYTES],
}

const BLOCK_BYTES: usize = 64;

impl Md5 {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        let state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        Self { state, len: 0, open: [0; BLOCK_BYTES] }
    }

    /// The MD5 of bytes that are at hand whole.
    pub(crate) fn of(bytes: &[u8]) -> [u8; 16] {
        let mut md5 = Self::new();
        md5.update(bytes);
        md5.finish()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let filled = self.filled();
        self.len = self.len.wrapping_add(bytes.len() as u64);
        if filled > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - filled));
            self.open[filled..filled + now.len()].copy_from_slice(now);
            if filled + now.len() < BLOCK_BYTES {
                return;
            }
            digest_blocks(&mut self.state, &[self.open]);
            bytes = later;
        }
        let (blocks, rest) = bytes.as_chunks();
        digest_blocks(&mut self.state, blocks);
        self.open[..rest.len()].copy_from_slice(rest);
    }

    /// The digest of all that was taken.
    #[must_use]
    pub fn finish(mut self) -> [u8; 16] {
        let bits = self.len.wrapping_mul(8);
        let filled = self.filled();
        let mut last = [[0; BLOCK_BYTES]; 2];
        last[0][..filled].copy_from_slice(&self.open[..filled]);
        last[0][filled] = 0x80;
        // The length goes into the same block when there is room for it behind the mark.
        let blocks = if filled < LENGTH_AT { 1 } else { 2 };
        last[blocks - 1][LENGTH_AT..].copy_from_slice(&bits.to_le_bytes());
        digest_blocks(&mut self.state, &last[..blocks]);
        let mut digest = [0; 16];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_le_bytes();
        }
        digest
    }

    /// Reads a Content-MD5.
    ///
    /// # Errors
    /// [`Error::InvalidDigest`] when it is not the base64 of 16 bytes.
    ///
    /// Law: S3, Content-MD5.
    pub fn parse(text: &str) -> Result<[u8; 16]> {
        let digest = BASE64.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        digest.ok_or_else(|| Error::InvalidDigest { value: text.into() })
    }

    /// Compares the MD5 `found` in a body with the `announced` one.
    ///
    /// # Errors
    /// [`Error::BadDigest`] when they differ.
    ///
    /// Law: S3, Content-MD5.
    pub fn check(found: &[u8; 16], announced: &[u8; 16]) -> Result<()> {
        if found == announced {
            return Ok(());
        }
        Err(Error::BadDigest {
            algorithm: "MD5",
            expected: BASE64.encode(announced).into(),
            found: BASE64.encode(found).into(),
        })
    }

    /// How many bytes of the open block there are.
    fn filled(&self) -> usize {
        usize::try_from(self.len % BLOCK_BYTES as u64).expect("less than a block")
    }
}

impl Default for Md5 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5")
    }
}

/// Where the number of bits stands in the last block.
const LENGTH_AT: usize = BLOCK_BYTES - 8;

fn digest_blocks(state: &mut [u32; 4], blocks: &[[u8; BLOCK_BYTES]]) {
    // Hidden from the optimiser, which else adds each constant last, behind the function of its
    // step: one more operation in the chain.
    digest_blocks_with(std::hint::black_box(&SINES), state, blocks);
}

fn digest_blocks_with(sines: &Sines, state: &mut [u32; 4], blocks: &[[u8; BLOCK_BYTES]]) {
    for block in blocks {
        let words = words_of(block);
        let mut next = *state;
        next = round(next, &words, (0, 1), &sines[0], [7, 12, 17, 22], first);
        next = round(next, &words, (1, 5), &sines[1], [5, 9, 14, 20], second);
        next = round(next, &words, (5, 3), &sines[2], [4, 11, 16, 23], third);
        next = round(next, &words, (0, 7), &sines[3], [6, 10, 15, 21], fourth);
        for (word, next) in state.iter_mut().zip(next) {
            *word = word.wrapping_add(next);
        }
    }
}

fn words_of(block: &[u8; BLOCK_BYTES]) -> [u32; 16] {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

/// Sixteen steps, four at a time. Step `n` takes word `begin + n * stride`.
#[inline(always)]
fn round(
    [mut a, mut b, mut c, mut d]: [u32; 4],
    words: &[u32; 16],
    (begin, stride): (usize, usize),
    sines: &[u32; 16],
    turns: [u32; 4],
    function: impl Fn(u32, u32, u32, u32) -> u32,
) -> [u32; 4] {
    // All but the function of the three words is ready before the step begins.
    let step = |at: usize, [a, b, c, d]: [u32; 4]| {
        let ready = a.wrapping_add(words[(begin + at * stride) % 16]).wrapping_add(sines[at]);
        function(ready, b, c, d).rotate_left(turns[at % 4]).wrapping_add(b)
    };
    for at in [0, 4, 8, 12] {
        a = step(at, [a, b, c, d]);
        d = step(at + 1, [d, a, b, c]);
        c = step(at + 2, [c, d, a, b]);
        b = step(at + 3, [b, c, d, a]);
    }
    [a, b, c, d]
}

// The functions of the rounds, added to what is ready. `b` is the newest of the words.

#[inline(always)]
fn first(ready: u32, b: u32, c: u32, d: u32) -> u32 {
    ready.wrapping_add(d ^ (b & (c ^ d)))
}

/// No bit is set in both halves, so that they may be added one after the other.
#[inline(always)]
fn second(ready: u32, b: u32, c: u32, d: u32) -> u32 {
    ready.wrapping_add(c & !d).wrapping_add(d & b)
}

#[inline(always)]
fn third(ready: u32, b: u32, c: u32, d: u32) -> u32 {
    ready.wrapping_add(b ^ (c ^ d))
}

#[inline(always)]
fn fourth(ready: u32, b: u32, c: u32, d: u32) -> u32 {
    ready.wrapping_add(c ^ (b | !d))
}

type Sines = [[u32; 16]; 4];

/// Number `n`, counted from 1, is the whole part of `2^32 * |sin(n)|`.
#[rustfmt::skip]
static SINES: Sines = [
    [
        0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
        0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    ],
    [
        0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
        0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    ],
    [
        0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
        0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    ],
    [
        0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
        0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use md5::Digest as _;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, digest: &str) {
        assert_eq!(crate::hex::as_str(&crate::hex::encode(Md5::of(text.as_bytes()))), digest);
    }

    // Law-test: RFC 1321, test suite.
    #[test]
    fn digests_of_known_texts() {
        check("", "d41d8cd98f00b204e9800998ecf8427e");
        check("a", "0cc175b9c0f1b6a831c399e269772661");
        check("abc", "900150983cd24fb0d6963f7d28e17f72");
        check("message digest", "f96b697d7cb7938d525a2f31aaf161d0");
        check("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b");
        let digits = "1234567890".repeat(8);
        check(&digits, "57edf4a22be3c955ac49da2e2107b67a");
    }

    #[test]
    fn the_constants_are_those_of_the_sine() {
        for (at, found) in SINES.as_flattened().iter().enumerate() {
            let sine = f64::from(u32::try_from(at + 1).unwrap()).sin().abs();
            let expected = (sine * 4_294_967_296.0).floor();
            assert!((f64::from(*found) - expected).abs() < 0.5, "constant {at}");
        }
    }

    #[test]
    fn every_length_about_a_block_is_padded_as_another_implementation_does() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in 0..=bytes.len() {
            let expected: [u8; 16] = md5::Md5::digest(&bytes[..len]).into();
            assert_eq!(Md5::of(&bytes[..len]), expected, "{len} bytes");
        }
    }

    proptest! {
        #[test]
        fn bytes_in_pieces_have_the_digest_of_the_whole(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..12),
        ) {
            let (mut ours, whole) = (Md5::new(), pieces.concat());
            pieces.iter().for_each(|piece| ours.update(piece));
            let expected: [u8; 16] = md5::Md5::digest(&whole).into();
            prop_assert_eq!(ours.finish(), expected);
            prop_assert_eq!(Md5::of(&whole), expected);
        }
    }

    /// Speed as a ratio within each round; run with `--release -- --ignored --nocapture`.
    #[test]
    #[ignore = "measures, does not check"]
    #[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures")]
    fn speed_beside_another_implementation() {
        let bytes = vec![7; 1 << 20];
        let time = |act: &dyn Fn() -> [u8; 16]| {
            let begin = std::time::Instant::now();
            std::hint::black_box(act());
            begin.elapsed().as_secs_f64()
        };
        let round = |_| (time(&|| md5::Md5::digest(&bytes).into()), time(&|| Md5::of(&bytes)));
        let rounds: Vec<(f64, f64)> = (0..200).map(round).collect();
        let least =
            |of: &dyn Fn(&(f64, f64)) -> f64| rounds.iter().map(of).fold(f64::MAX, f64::min);
        let (theirs, ours) = (least(&|round| round.0), least(&|round| round.1));
        println!("{:.0} MB/s, {:.2} of the other", 1.048_576 / ours, theirs / ours);
    }
}
