//! Every mode: what opens, what does not, and how often the key service is asked.

use super::*;
use crate::{
    BucketKey, EncryptionContext, KeyMemory, KmsProtection, RootKey,
    kms::{DataKey, Decrypted, Encrypted, KmsCall, KmsError},
    xaes::WrappingKey,
};
use cistern_storage_core::{
    Timestamp,
    port::{ManualClock, SeededEntropy},
};
use parking_lot::Mutex;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A key service of one key, which notes what it is asked.
#[derive(Debug)]
struct OneKey {
    key: WrappingKey,
    entropy: SeededEntropy,
    calls: Mutex<Vec<(&'static str, String, String)>>,
    generation: AtomicU64,
    disabled: Mutex<bool>,
}

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/one";

impl OneKey {
    fn note(
        &self,
        what: &'static str,
        call: &KmsCall<'_>,
        context: &EncryptionContext,
    ) -> std::result::Result<(), KmsError> {
        self.calls.lock().push((what, call.principal.into(), context.to_json()));
        if *self.disabled.lock() { Err(KmsError::Disabled { arn: ARN.into() }) } else { Ok(()) }
    }

    fn count(&self, what: &str) -> usize {
        self.calls.lock().iter().filter(|call| call.0 == what).count()
    }
}

impl KeyService for OneKey {
    fn generate_data_key(
        &self,
        call: &KmsCall<'_>,
        _key: &str,
        context: &EncryptionContext,
    ) -> std::result::Result<DataKey, KmsError> {
        self.note("generate", call, context)?;
        let plaintext = Key256::generate(&self.entropy);
        let ciphertext = self.key.wrap(&self.entropy, &context.canonical(), plaintext.expose());
        Ok(DataKey { plaintext, ciphertext, key_arn: ARN.into(), material: "m".into() })
    }

    fn encrypt(
        &self,
        call: &KmsCall<'_>,
        _key: &str,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> std::result::Result<Encrypted, KmsError> {
        self.note("encrypt", call, context)?;
        let ciphertext = self.key.wrap(&self.entropy, &context.canonical(), plaintext);
        Ok(Encrypted { ciphertext, key_arn: ARN.into(), material: "m".into() })
    }

    fn decrypt(
        &self,
        call: &KmsCall<'_>,
        _key: Option<&str>,
        context: &EncryptionContext,
        ciphertext: &[u8],
    ) -> std::result::Result<Decrypted, KmsError> {
        self.note("decrypt", call, context)?;
        let plaintext = self.key.unwrap(&context.canonical(), ciphertext);
        let plaintext = plaintext.map_err(|_| KmsError::InvalidCiphertext)?;
        Ok(Decrypted { plaintext, key_arn: ARN.into(), material: "m".into() })
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

struct World {
    sealer: StoreSealer,
    service: Arc<OneKey>,
    clock: Arc<ManualClock>,
}

fn world() -> World {
    let entropy = Arc::new(SeededEntropy::new(1));
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let root = RootKey::new(Key256::generate(&*entropy));
    let ring = KeyRing::open(&root, Arc::new(KeyMemory::new()), &*entropy, &*clock).unwrap();
    let service = Arc::new(OneKey {
        key: WrappingKey::new(&Key256::generate(&*entropy)),
        entropy: SeededEntropy::new(2),
        calls: Mutex::default(),
        generation: AtomicU64::new(0),
        disabled: Mutex::new(false),
    });
    let sealer = StoreSealer::new(Arc::new(ring))
        .entropy(entropy)
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .key_service(Arc::clone(&service) as Arc<dyn KeyService>);
    World { sealer, service, clock }
}

fn customer(byte: u8) -> CustomerKey {
    CustomerKey::new(Key256::from_slice(&[byte; 32]).unwrap())
}

fn protections() -> Vec<Protection> {
    let kms = || KmsProtection::with_key("alias/mine");
    vec![
        Protection::S3,
        Protection::Kms(kms()),
        Protection::Kms(kms().bucket_key(BucketKey::On)),
        Protection::Dsse(kms()),
        Protection::Customer(customer(7)),
    ]
}

/// A body at rest, and what it belongs to.
struct AtRest {
    sealed: Vec<u8>,
    envelope: Bytes,
    len: u64,
}

const BINDING: [u8; 32] = [1; 32];

fn here() -> SealContext<'static> {
    context("bucket", "key")
}

fn context<'a>(bucket: &'a str, key: &'a str) -> SealContext<'a> {
    SealContext::new(bucket, key)
}

fn caller(protection: &Protection) -> SealCall<'_> {
    let call = SealCall::by("arn:aws:iam::111122223333:user/ann");
    if let Protection::Customer(key) = protection { call.customer(key) } else { call }
}

impl World {
    fn put(&self, context: &SealContext<'_>, protection: &Protection, plain: &[u8]) -> AtRest {
        let mut body = self.sealer.seal_as(context, caller(protection), protection).unwrap();
        let mut sealed = body.update(plain).unwrap().to_vec();
        sealed.extend_from_slice(&body.finish().unwrap());
        let envelope = body.envelope(&BINDING).unwrap();
        AtRest { sealed, envelope, len: plain.len() as u64 }
    }

    fn open(&self, protection: &Protection, at_rest: &AtRest) -> Result<Box<dyn Sealed>> {
        let call = caller(protection);
        self.sealer.open_as(&here(), call, &at_rest.envelope, &BINDING, at_rest.len)
    }

    fn get(&self, protection: &Protection, at_rest: &AtRest) -> Result<Bytes> {
        let body = self.open(protection, at_rest)?;
        body.open_range(0..at_rest.len, &at_rest.sealed).map_err(|_| SealFailure::Refused)
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

#[test]
fn every_mode_opens_what_it_sealed_whole_and_in_ranges() {
    let world = world();
    for protection in protections() {
        for size in [0, 1, 16_383, 16_384, 16_385, 100_000] {
            let plain = pattern(size);
            let at_rest = world.put(&here(), &protection, &plain);
            assert!(world.get(&protection, &at_rest).unwrap() == plain, "{protection:?} {size}");
            let body = world.open(&protection, &at_rest).unwrap();
            let len = size as u64;
            for range in [0..len / 2, len / 3..len, len / 2..len / 2, len..len] {
                let place = body.sealed_range(range.clone());
                let sealed = &at_rest.sealed
                    [usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap()];
                let found = body.open_range(range.clone(), sealed).unwrap();
                let (start, end) =
                    (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
                assert!(found == plain[start..end], "{protection:?} {size} {range:?}");
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_body_and_envelope_is_refused_in_every_mode() {
    let world = world();
    for protection in protections() {
        let mut at_rest = world.put(&here(), &protection, b"a body");
        for bit in 0..at_rest.sealed.len() * 8 {
            at_rest.sealed[bit / 8] ^= 1 << (bit % 8);
            assert!(world.get(&protection, &at_rest).is_err(), "{protection:?}, bit {bit}");
            at_rest.sealed[bit / 8] ^= 1 << (bit % 8);
        }
        let good = at_rest.envelope.clone();
        for bit in 0..good.len() * 8 {
            let mut changed = good.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            at_rest.envelope = changed.into();
            assert!(
                world.get(&protection, &at_rest).is_err(),
                "{protection:?}, envelope bit {bit}"
            );
        }
        at_rest.envelope = good;
        assert_eq!(world.get(&protection, &at_rest).unwrap(), "a body");
    }
}

#[test]
fn bodies_and_envelopes_that_were_swapped_are_refused() {
    let world = world();
    for protection in protections() {
        let one = world.put(&here(), &protection, b"first");
        let two = world.put(&here(), &protection, b"other");
        let mixed = AtRest { sealed: two.sealed, envelope: one.envelope.clone(), len: 5 };
        assert!(world.get(&protection, &mixed).is_err(), "{protection:?}");
        // An older envelope of the same object, with the newer body: a row that was set back.
        let mixed = AtRest { sealed: one.sealed.clone(), envelope: two.envelope, len: 5 };
        assert!(world.get(&protection, &mixed).is_err(), "{protection:?}");
        // Another version, another place, another length.
        let call = caller(&protection);
        let open = |binding, len| world.sealer.open_as(&here(), call, &one.envelope, binding, len);
        assert!(matches!(open(&[2; 32], 5), Err(SealFailure::Refused)), "{protection:?}");
        let longer = open(&BINDING, 6).map(|body| body.open_range(0..6, &one.sealed));
        assert!(longer.is_err() || longer.is_ok_and(|read| read.is_err()), "{protection:?}");
    }
}

#[test]
fn another_ring_opens_nothing() {
    let (world, other) = (world(), {
        let entropy = SeededEntropy::new(99);
        let root = RootKey::new(Key256::generate(&entropy));
        let clock = ManualClock::new(Timestamp::from_millis(1));
        let ring = KeyRing::open(&root, Arc::new(KeyMemory::new()), &entropy, &clock).unwrap();
        StoreSealer::new(Arc::new(ring))
    });
    let at_rest = world.put(&here(), &Protection::S3, b"body");
    let refused = other.open(&here(), &at_rest.envelope, &BINDING, 4);
    assert_eq!(refused.err(), Some(SealError::Refused));
}

#[test]
fn an_envelope_moves_to_another_name_without_its_body() {
    let world = world();
    for protection in protections() {
        let at_rest = world.put(&here(), &protection, b"a body");
        let call = caller(&protection);
        for target in
            [context("bucket", "key"), context("bucket", "renamed"), context("else", "key")]
        {
            let to = [9; 32];
            let moved =
                world.sealer.rebind_as(&target, call, &at_rest.envelope, &BINDING, &to).unwrap();
            let body = world.sealer.open_as(&target, call, &moved, &to, 6).unwrap();
            assert_eq!(body.open_range(0..6, &at_rest.sealed).unwrap(), "a body");
            let old = world.sealer.open_as(&target, call, &moved, &BINDING, 6);
            assert!(matches!(old, Err(SealFailure::Refused)));
            let wrong = world.sealer.rebind_as(&target, call, &at_rest.envelope, &to, &BINDING);
            assert!(matches!(wrong, Err(SealFailure::Refused)), "{protection:?}");
        }
    }
}

#[test]
fn rotation_rewraps_and_a_lost_key_is_named() {
    let world = world();
    let at_rest = world.put(&here(), &Protection::S3, b"a body");
    let ring = world.sealer.ring();
    assert_eq!(world.sealer.rewrap(&at_rest.envelope, &BINDING).unwrap(), None);
    ring.rotate(&SeededEntropy::new(5), &*world.clock).unwrap();
    assert_eq!(world.get(&Protection::S3, &at_rest).unwrap(), "a body", "retired keys open");
    let moved = world.sealer.rewrap(&at_rest.envelope, &BINDING).unwrap().unwrap();
    let moved = AtRest { envelope: moved, sealed: at_rest.sealed.clone(), len: 6 };
    assert_eq!(world.get(&Protection::S3, &moved).unwrap(), "a body");
    let info = world.sealer.describe(&moved.envelope).unwrap();
    assert_eq!(info.store_key.map(KeyId::number), Some(2));

    let first = ring.keys()[0].id;
    ring.destroy(first, &SeededEntropy::new(6)).unwrap();
    assert_eq!(world.get(&Protection::S3, &moved).unwrap(), "a body");
    let lost = world.sealer.open(&here(), &at_rest.envelope, &BINDING, 6).unwrap_err();
    let SealError::NoKey { key, .. } = &lost else { panic!("{lost}") };
    assert_eq!(key, "store key 1");
}

// Law-test: S3, reading SSE-C takes its key, and reading anything else takes none.
#[test]
fn a_customers_key_is_needed_right_and_not_for_others() {
    let world = world();
    let (mine, yours) = (Protection::Customer(customer(7)), Protection::Customer(customer(8)));
    let at_rest = world.put(&here(), &mine, b"a body");
    let code = |found: Result<Bytes>| found.map_err(|error| error.code()).unwrap_err();
    let needed = code(world.get(&Protection::S3, &at_rest));
    assert_eq!(needed, (400, "InvalidRequest".into()));
    assert_eq!(code(world.get(&yours, &at_rest)), (403, "AccessDenied".into()));
    assert_eq!(world.get(&mine, &at_rest).unwrap(), "a body");
    let plain = world.put(&here(), &Protection::S3, b"a body");
    assert_eq!(code(world.get(&mine, &plain)), (400, "InvalidRequest".into()));
    let info = world.sealer.describe(&at_rest.envelope).unwrap();
    assert_eq!((info.header, info.kms_key, info.store_key), (None, None, None));
    // The key is nowhere: neither itself nor in a form that can be tried without the store's key.
    let all = [&at_rest.envelope[..], &at_rest.sealed].concat();
    assert!(!all.windows(8).any(|window| window == [7; 8]));
}

// Law-test: S3, the encryption context holds the object's ARN, or the bucket's with a bucket key.
#[test]
fn the_context_is_the_objects_or_the_buckets() {
    let world = world();
    let extra = EncryptionContext::of([("team", "storage")]).unwrap();
    let kms = KmsProtection::with_key("alias/mine").context(extra.clone());
    world.put(&here(), &Protection::Kms(kms.clone()), b"x");
    world.put(&here(), &Protection::Kms(kms.clone().bucket_key(BucketKey::On)), b"x");
    world.put(&here(), &Protection::Dsse(kms.bucket_key(BucketKey::On)), b"x");
    let contexts: Vec<_> = world.service.calls.lock().iter().map(|call| call.2.clone()).collect();
    let object = r#"{"aws:s3:arn":"arn:aws:s3:::bucket/key","team":"storage"}"#;
    let bucket = r#"{"aws:s3:arn":"arn:aws:s3:::bucket","team":"storage"}"#;
    assert_eq!(contexts, [object, bucket, object]);

    let reserved = EncryptionContext::of([("aws:s3:arn", "mine")]).unwrap();
    let kms = Protection::Kms(KmsProtection::with_key("k").context(reserved));
    let refused = world.sealer.seal_as(&here(), caller(&kms), &kms).unwrap_err();
    assert_eq!(refused.code(), (400, "InvalidArgument".into()));
}

#[test]
fn a_bucket_key_cuts_the_calls() {
    let world = world();
    let off = Protection::Kms(KmsProtection::with_key("alias/mine"));
    let on = Protection::Kms(KmsProtection::with_key("alias/mine").bucket_key(BucketKey::On));
    for (protection, calls) in [(&off, 1000), (&on, 1)] {
        world.service.calls.lock().clear();
        let bodies: Vec<_> = (0..1000).map(|_| world.put(&here(), protection, b"body")).collect();
        assert_eq!(world.service.count("generate"), calls);
        for at_rest in &bodies {
            assert_eq!(world.get(protection, at_rest).unwrap(), "body");
        }
        assert_eq!(world.service.count("decrypt"), calls);
    }
}

#[test]
fn a_bucket_key_is_one_requesters_and_one_buckets_and_ends() {
    let world = world();
    let on = Protection::Kms(KmsProtection::with_key("alias/mine").bucket_key(BucketKey::On));
    let generated = |world: &World| world.service.count("generate");
    let at_rest = world.put(&here(), &on, b"body");
    let seal = |context: &SealContext<'_>, who| {
        world.sealer.seal_as(context, SealCall::by(who), &on).map(drop)
    };
    seal(&here(), "arn:aws:iam::111122223333:user/bob").unwrap();
    assert_eq!(generated(&world), 2, "another requester");
    seal(&context("other", "key"), "arn:aws:iam::111122223333:user/bob").unwrap();
    assert_eq!(generated(&world), 3, "another bucket");
    world.clock.advance(BUCKET_KEY_LIFE - Duration::from_secs(1));
    world.put(&here(), &on, b"body");
    assert_eq!(generated(&world), 3);
    world.clock.advance(Duration::from_secs(1));
    world.put(&here(), &on, b"body");
    assert_eq!(generated(&world), 4, "its life is over");
    world.get(&on, &at_rest).unwrap();
    world.get(&on, &at_rest).unwrap();
    assert_eq!(world.service.count("decrypt"), 1);
    // A key that is disabled is forgotten at once.
    *world.service.disabled.lock() = true;
    world.service.generation.fetch_add(1, Ordering::SeqCst);
    assert_eq!(world.get(&on, &at_rest).unwrap_err().code().1, "KMS.DisabledException");
    assert_eq!(seal(&here(), "x").unwrap_err().code().1, "KMS.DisabledException");
}

// Law-test: S3, UpdateObjectEncryption: from SSE-S3 or SSE-KMS to SSE-KMS.
#[test]
fn a_body_changes_its_mode_without_being_touched() {
    let world = world();
    let target = KmsProtection::with_key("alias/mine");
    for protection in protections() {
        let at_rest = world.put(&here(), &protection, b"a body");
        let call = caller(&protection);
        let changed = world.sealer.to_kms(&here(), call, &at_rest.envelope, &BINDING, &target);
        let may = !matches!(protection, Protection::Dsse(_) | Protection::Customer(_));
        assert_eq!(changed.is_ok(), may, "{protection:?}");
        let Ok(envelope) = changed else { continue };
        assert_eq!(world.sealer.describe(&envelope).unwrap().header, Some("aws:kms"));
        let moved = AtRest { envelope, ..at_rest };
        assert_eq!(world.get(&protection, &moved).unwrap(), "a body");
    }
}

#[test]
fn two_layers_are_two() {
    let world = world();
    let protection = Protection::Dsse(KmsProtection::with_key("alias/mine"));
    let at_rest = world.put(&here(), &protection, &pattern(40_000));
    // 40,000 bytes in 3 chunks with a header, and those in 3 chunks with a header again.
    assert_eq!(at_rest.sealed.len(), 40_000 + 2 * (56 + 3 * 16));
    let info = world.sealer.describe(&at_rest.envelope).unwrap();
    assert_eq!((info.kms_key.as_deref(), info.header), (Some(ARN), Some("aws:kms:dsse")));
    assert!(info.store_key.is_some() && !info.bucket_key);
}
