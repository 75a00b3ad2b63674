use super::*;
use crate::key_storage::KeyMemory;
use cistern_storage_core::port::{ManualClock, SeededEntropy};

fn root(byte: u8) -> RootKey {
    RootKey::new(Key256::from_slice(&[byte; 32]).unwrap())
}

fn open(storage: &Arc<KeyMemory>, byte: u8) -> Result<KeyRing> {
    let storage = Arc::clone(storage) as Arc<dyn KeyStorage>;
    let clock = ManualClock::new(Timestamp::from_millis(5));
    KeyRing::open(&root(byte), storage, &SeededEntropy::new(3), &clock)
}

fn rotate(ring: &KeyRing, seed: u64) -> KeyId {
    ring.rotate(&SeededEntropy::new(seed), &ManualClock::new(Timestamp::from_millis(9))).unwrap()
}

#[test]
fn what_was_wrapped_before_a_rotation_unwraps_after_it_and_after_reopening() {
    let storage = Arc::new(KeyMemory::new());
    let ring = open(&storage, 1).unwrap();
    let mut wrapped = Vec::new();
    for seed in 10..15 {
        let (id, key) = ring.current_key();
        wrapped.push((id, key.wrap(&SeededEntropy::new(seed), b"aad", b"secret")));
        assert_eq!(rotate(&ring, seed).number(), id.number() + 1);
    }
    for ring in [ring, open(&storage, 1).unwrap()] {
        assert_eq!(ring.current(), KeyId(6));
        for (id, wrapped) in &wrapped {
            assert_eq!(ring.key(*id).unwrap().unwrap(b"aad", wrapped).unwrap()[..], *b"secret");
            assert!(ring.key(ring.current()).unwrap().unwrap(b"aad", wrapped).is_err());
        }
        let states: Vec<_> = ring.keys().iter().map(|key| key.state).collect();
        assert_eq!(states[..5], [KeyState::Retired; 5]);
        assert_eq!(states[5], KeyState::Current);
    }
}

#[test]
fn a_destroyed_key_is_lost_and_named_and_its_number_is_not_used_again() {
    let storage = Arc::new(KeyMemory::new());
    let ring = open(&storage, 1).unwrap();
    rotate(&ring, 1);
    let entropy = SeededEntropy::new(2);
    assert!(matches!(ring.destroy(KeyId(2), &entropy), Err(KeyRingError::Current { .. })));
    ring.destroy(KeyId(1), &entropy).unwrap();
    for ring in [ring, open(&storage, 1).unwrap()] {
        let lost = ring.key(KeyId(1)).unwrap_err();
        assert!(lost.to_string().contains("store key 1 is lost"), "{lost}");
        assert!(ring.destroy(KeyId(1), &entropy).is_err());
        assert!(ring.key(KeyId(2)).is_ok());
        assert_eq!(rotate(&ring, 5).number(), 3);
    }
}

#[test]
fn another_root_key_is_told_which_one_is_needed() {
    let storage = Arc::new(KeyMemory::new());
    open(&storage, 1).unwrap();
    let refused = open(&storage, 2).unwrap_err();
    let KeyRingError::WrongRootKey { wanted, given } = refused else { panic!("{refused}") };
    assert_eq!((wanted, given), (root(1).id(), root(2).id()));
}

#[test]
fn another_root_key_can_take_over() {
    let storage = Arc::new(KeyMemory::new());
    let ring = open(&storage, 1).unwrap();
    let wrapped = ring.current_key().1.wrap(&SeededEntropy::new(4), b"", b"secret");
    ring.change_root(&root(2), &SeededEntropy::new(5)).unwrap();
    rotate(&ring, 6);
    assert!(open(&storage, 1).is_err());
    let ring = open(&storage, 2).unwrap();
    assert_eq!(ring.key(KeyId(1)).unwrap().unwrap(b"", &wrapped).unwrap()[..], *b"secret");
    assert_eq!(ring.current(), KeyId(2));
}

#[test]
fn every_flipped_bit_of_the_ring_is_refused() {
    let storage = Arc::new(KeyMemory::new());
    let ring = open(&storage, 1).unwrap();
    rotate(&ring, 1);
    let bytes = storage.load().unwrap().unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&Arc::new(KeyMemory::of(&changed)), 1).is_err(), "bit {bit}");
    }
    for len in 0..bytes.len() {
        assert!(open(&Arc::new(KeyMemory::of(&bytes[..len])), 1).is_err(), "{len} bytes");
    }
}

#[test]
fn no_key_stands_in_the_ring() {
    let storage = Arc::new(KeyMemory::new());
    let ring = open(&storage, 1).unwrap();
    let bytes = storage.load().unwrap().unwrap();
    let keys = ring.keys.read();
    let secret = &keys.entries[&KeyId(1)].key.as_ref().unwrap().secret;
    for key in [secret, &keys.inner.rows, &keys.inner.verifier] {
        let shows = bytes.windows(8).any(|window| window == &key.expose()[..8]);
        assert!(!shows);
    }
}
