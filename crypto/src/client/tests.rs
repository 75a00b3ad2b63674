//! The known answers of the formats, what is refused, and every keyring.

use super::{format::MetadataMap, *};
use crate::{
    KeyMemory, KeyRing, RootKey, hex,
    kms::{CreateKey, KmsCall, LocalKms, MemoryRows},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cistern_storage_core::port::{SeededEntropy, SystemClock};

fn bytes<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|at| first + u8::try_from(at).unwrap())
}

fn data_key() -> Key256 {
    Key256::from_slice(&bytes::<32>(0)).unwrap()
}

fn raw() -> RawAesKeyring {
    RawAesKeyring::new(Key256::from_slice(&bytes::<32>(0x80)).unwrap())
}

fn seal(mut stream: GcmStream, plain: &[u8]) -> Vec<u8> {
    let mut body = plain.to_vec();
    stream.encrypt(&mut body).unwrap();
    body.extend_from_slice(&stream.tag());
    body
}

// Law-test: S3 Encryption Client, keys of format 3 come from HKDF-SHA512 salted with the message id.
#[test]
fn format_3_gives_the_known_answer() {
    let (key, commitment) = committed(&data_key(), &bytes(0x40));
    let expected = "35f108bd2c11d0a8334d2c5d6e7dacb51d477b00723a49466ef1dff41ff45d52";
    assert_eq!(hex::encode(key.expose()), expected);
    assert_eq!(STANDARD.encode(commitment), "DnQZ5c+3xg1Xp0jYfAMnh0k1DJu0yXP09Agx9A==");
    let stream = GcmStream::new(&key, &COMMITTING_IV, &COMMITTING_AAD);
    let body = "bb02266c49a14b427a6ee524d63cc15a84c88d97b46712a8ccc938fffb5e";
    assert_eq!(hex::encode(&seal(stream, b"hello, cistern")), body);
}

#[test]
fn format_2_gives_the_known_answer() {
    let stream = GcmStream::new(&data_key(), &bytes(0), b"");
    let body = "2f67ba77aac9e278e432e3eec3870af0ec6b5e9ec5382f47ddd47bc973cc";
    assert_eq!(hex::encode(&seal(stream, b"hello, cistern")), body);
}

#[test]
fn the_raw_keyring_gives_the_known_answers() {
    let wrap = |suite| STANDARD.encode(raw().wrap(suite, &bytes(0x20), &data_key()));
    let format_2 =
        "ICEiIyQlJicoKSorm7/Zh1I9tu8ZaAC2UgmaXCy2tuz8hHlTViCoiFBZaYDsSJxx86f2XzOW8HvE7iPX";
    let format_3 =
        "ICEiIyQlJicoKSorm7/Zh1I9tu8ZaAC2UgmaXCy2tuz8hHlTViCoiFBZaYBeqwHRtihVGDPLD8xyYkLb";
    assert_eq!(wrap(Suite::Gcm), format_2);
    assert_eq!(wrap(Suite::GcmCommitting), format_3);
    for (suite, other, wrapped) in
        [(Suite::Gcm, Suite::GcmCommitting, format_2), (Suite::GcmCommitting, Suite::Gcm, format_3)]
    {
        let wrapped = STANDARD.decode(wrapped).unwrap();
        let open = |suite| raw().open(WrapAlgorithm::AesGcm, suite, &none(), &wrapped);
        assert!(open(suite).unwrap().is(&data_key()));
        assert!(open(other).is_err());
    }
}

// Law-test: S3 Encryption Client, ranged reads fetch a block more on either side and never deliver the
// tag.
#[test]
fn ranges_give_the_known_answer() {
    let plain: Vec<u8> = (0..100).map(|at: u32| u8::try_from(at * 7 % 256).unwrap()).collect();
    let body = seal(GcmStream::new(&data_key(), &bytes(0), b""), &plain);
    assert_eq!(range_to_fetch(&(40..50), 116), 16..81);
    let found = body::open_range(&data_key(), &bytes(0), &(40..50), 116, &body[16..81]).unwrap();
    assert_eq!(hex::encode(&found), "181f262d343b42495057");
    for start in 0..=100u64 {
        for end in start..=100 {
            let place = range_to_fetch(&(start..end), 116);
            let (from, to) =
                (usize::try_from(place.start).unwrap(), usize::try_from(place.end).unwrap());
            let found =
                body::open_range(&data_key(), &bytes(0), &(start..end), 116, &body[from..to]);
            let (from, to) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
            assert_eq!(found.unwrap(), plain[from..to], "{start}..{end}");
        }
    }
    for range in [90..101, 0..116, 200..210] {
        let place = range_to_fetch(&range, 116);
        let fetched = vec![0; usize::try_from(place.end - place.start).unwrap()];
        let found = body::open_range(&data_key(), &bytes(0), &range, 116, &fetched);
        assert!(matches!(found, Err(ClientError::Range)), "{range:?}");
    }
}

fn none() -> EncryptionContext {
    EncryptionContext::new()
}

fn team(name: &str) -> EncryptionContext {
    EncryptionContext::of([("team", name)]).unwrap()
}

fn kms() -> (Arc<LocalKms>, Arc<dyn Keyring>) {
    let entropy = SeededEntropy::new(1);
    let root = RootKey::new(Key256::generate(&entropy));
    let clock = SystemClock::default();
    let ring = KeyRing::open(&root, Arc::new(KeyMemory::new()), &entropy, &clock).unwrap();
    let kms = LocalKms::builder(Arc::new(ring), Arc::new(MemoryRows::new())).open().unwrap();
    let principal = "arn:aws:iam::000000000000:user/ann";
    let key = kms.create_key(&KmsCall::by(principal), &CreateKey::new()).unwrap().arn;
    let kms = Arc::new(kms);
    let keyring =
        KmsKeyring::new(Arc::clone(&kms) as Arc<dyn crate::kms::KeyService>, key, principal);
    (kms, Arc::new(keyring))
}

fn keyrings() -> Vec<Arc<dyn Keyring>> {
    vec![Arc::new(raw()), kms().1]
}

const POLICIES: [CommitmentPolicy; 3] = [
    CommitmentPolicy::ForbidEncryptAllowDecrypt,
    CommitmentPolicy::RequireEncryptAllowDecrypt,
    CommitmentPolicy::RequireEncryptRequireDecrypt,
];

#[test]
fn every_keyring_opens_what_it_encrypted_in_both_places() {
    for keyring in keyrings() {
        for policy in POLICIES {
            // Whoever writes format 2 reads it.
            let client = ClientEncryption::new(Arc::clone(&keyring)).policy(policy);
            for size in [0, 1, 15, 16, 17, 5000] {
                let plain = vec![7; size];
                let (envelopes, mut stream) =
                    client.begin(&team("storage"), Some(size as u64)).unwrap();
                let mut body = Vec::new();
                for piece in plain.chunks(13) {
                    body.extend_from_slice(&stream.update(piece).unwrap());
                }
                body.extend_from_slice(&stream.finish());
                assert_eq!(body.len(), size + 16);
                let file = envelopes.instruction.as_bytes();
                let places =
                    [(&envelopes.metadata, None), (&envelopes.beside_instruction, Some(file))];
                for (metadata, instruction) in places {
                    let opened = client.open(&team("storage"), metadata, instruction).unwrap();
                    assert_eq!(opened.decrypt(&body).unwrap(), plain);
                }
            }
        }
    }
}

// Law-test: S3 Encryption Client, keys of metadata by format.
// Law-test: S3 Encryption Client, names of wrapping algorithms.
#[test]
fn metadata_is_laid_out_as_the_formats_say() {
    let names = |metadata: &MetadataMap| metadata.keys().cloned().collect::<Vec<_>>();
    for (keyring, name, code) in
        [(Arc::new(raw()) as Arc<dyn Keyring>, "AES/GCM", "02"), (kms().1, "kms+context", "12")]
    {
        let client = ClientEncryption::new(keyring);
        let (three, _) = client.begin(&team("storage"), None).unwrap();
        let described = if code == "12" { "x-amz-t" } else { "x-amz-m" };
        let expected =
            ["x-amz-3", "x-amz-c", "x-amz-d", "x-amz-i", described, "x-amz-w"].map(str::to_owned);
        assert_eq!(names(&three.metadata), expected);
        assert_eq!(names(&three.beside_instruction), ["x-amz-c", "x-amz-d", "x-amz-i"]);
        assert_eq!((&*three.metadata["x-amz-c"], &*three.metadata["x-amz-w"]), ("115", code));
        let client = client.policy(CommitmentPolicy::ForbidEncryptAllowDecrypt);
        let (two, _) = client.begin(&team("storage"), Some(14)).unwrap();
        let expected = [
            "x-amz-cek-alg",
            "x-amz-iv",
            "x-amz-key-v2",
            "x-amz-matdesc",
            "x-amz-tag-len",
            "x-amz-unencrypted-content-length",
            "x-amz-wrap-alg",
        ];
        assert_eq!(names(&two.metadata), expected);
        assert!(two.beside_instruction.is_empty());
        assert_eq!(two.metadata["x-amz-wrap-alg"], name);
        assert_eq!(two.metadata["x-amz-tag-len"], "128");
    }
}

// Law-test: S3 Encryption Client, the pair `aws:x-amz-cek-alg` is not the caller's to set.
#[test]
fn the_context_is_bound_and_compared_before_the_key_service_is_asked() {
    let (service, keyring) = kms();
    let client = ClientEncryption::new(keyring);
    let sealed = client.encrypt(&team("storage"), b"body").unwrap();
    let stored = EncryptionContext::from_json(sealed.metadata["x-amz-t"].as_bytes()).unwrap();
    assert_eq!(stored.get("aws:x-amz-cek-alg"), Some("115"));
    let ann = KmsCall::by("arn:aws:iam::000000000000:user/ann");
    let key = service.list_keys(&ann, None, 10).unwrap().remove(0);
    service.disable_key(&ann, &key).unwrap();
    // The service would refuse, and is not asked.
    let found = client.open(&team("other"), &sealed.metadata, None);
    assert!(matches!(found, Err(ClientError::Context)));
    let found = client.open(&team("storage"), &sealed.metadata, None);
    assert!(matches!(found, Err(ClientError::Service(_))));
    let reserved = EncryptionContext::of([("aws:x-amz-cek-alg", "115")]).unwrap();
    let found = client.encrypt(&reserved, b"body");
    assert!(matches!(found, Err(ClientError::ReservedContext { .. })));
}

// Law-test: S3 Encryption Client, policies on key commitment.
#[test]
fn policies_decide_what_is_read() {
    let client = |policy| ClientEncryption::new(Arc::new(raw())).policy(policy);
    let two = client(POLICIES[0]).encrypt(&none(), b"body").unwrap();
    let three = client(POLICIES[1]).encrypt(&none(), b"body").unwrap();
    for policy in POLICIES {
        let open = |sealed: &EncryptedBody| client(policy).open(&none(), &sealed.metadata, None);
        let strict = policy == CommitmentPolicy::RequireEncryptRequireDecrypt;
        assert_eq!(matches!(open(&two), Err(ClientError::Policy { .. })), strict);
        assert!(open(&three).is_ok());
    }
}

#[test]
fn metadata_of_no_format_or_of_two_is_refused() {
    let client = ClientEncryption::new(Arc::new(raw()));
    let (good, _) = client.begin(&none(), None).unwrap();
    let open = |metadata: &MetadataMap, file: Option<&str>| {
        client.open(&none(), metadata, file.map(str::as_bytes)).unwrap_err()
    };
    let is_format = |error| matches!(error, ClientError::Format { .. });
    assert!(matches!(open(&MetadataMap::new(), None), ClientError::NotEncrypted));
    for extra in ["x-amz-key", "x-amz-key-v2"] {
        let mut mixed = good.metadata.clone();
        mixed.insert(extra.into(), "AAAA".into());
        assert!(is_format(open(&mixed, None)), "{extra}");
        let mut mixed = good.beside_instruction.clone();
        mixed.insert(extra.into(), "AAAA".into());
        assert!(is_format(open(&mixed, None)), "{extra} beside content keys");
    }
    let file = serde_json::to_string(&good.metadata).unwrap();
    assert!(is_format(open(&good.beside_instruction, Some(&file))), "content keys in the file");
    assert!(is_format(open(&good.metadata, Some(&good.instruction))), "keys in both places");
    assert!(is_format(open(&good.beside_instruction, Some("[]"))));
    for name in ["x-amz-c", "x-amz-d", "x-amz-i", "x-amz-w"] {
        let mut less = good.metadata.clone();
        less.remove(name);
        assert!(is_format(open(&less, None)), "without {name}");
        for bad in ["", "%", "AAAA"] {
            less.insert(name.into(), bad.into());
            assert!(is_format(open(&less, None)), "{name} is `{bad}`");
        }
    }
}

#[test]
fn a_changed_commitment_key_or_body_is_told_apart() {
    let client = ClientEncryption::new(Arc::new(raw()));
    let sealed = client.encrypt(&none(), b"body").unwrap();
    let flip = |name: &str| {
        let mut metadata = sealed.metadata.clone();
        let mut bytes = STANDARD.decode(&metadata[name]).unwrap();
        bytes[3] ^= 1;
        metadata.insert(name.into(), STANDARD.encode(bytes));
        client.open(&none(), &metadata, None).unwrap_err()
    };
    assert!(matches!(flip("x-amz-d"), ClientError::Commitment));
    assert!(matches!(flip("x-amz-i"), ClientError::Commitment));
    assert!(matches!(flip("x-amz-3"), ClientError::Unauthentic));
    let opened = client.open(&none(), &sealed.metadata, None).unwrap();
    for bit in 0..sealed.body.len() * 8 {
        let mut body = sealed.body.clone();
        body[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(opened.decrypt(&body), Err(ClientError::Unauthentic)), "bit {bit}");
    }
    for len in 0..sealed.body.len() {
        assert!(opened.decrypt(&sealed.body[..len]).is_err(), "{len}");
    }
}

// Law-test: S3 Encryption Client, nothing is released before its tag was checked unless that is asked
// for.
#[test]
fn plain_bytes_wait_for_the_tag_unless_told_otherwise() {
    let client = ClientEncryption::new(Arc::new(raw()));
    let plain = vec![9; 1000];
    let sealed = client.encrypt(&none(), &plain).unwrap();
    let opened = client.open(&none(), &sealed.metadata, None).unwrap();
    let mut held = opened.stream(Release::default()).unwrap();
    for piece in sealed.body.chunks(100) {
        assert!(held.update(piece).unwrap().is_empty());
    }
    assert_eq!(held.finish().unwrap(), plain);
    let mut early = opened.stream(Release::Delayed).unwrap();
    let mut found = Vec::new();
    for piece in sealed.body.chunks(100) {
        found.extend_from_slice(&early.update(piece).unwrap());
    }
    assert_eq!((found, early.finish().unwrap()), (plain, Vec::new()));
    let mut small = opened.stream(Release::Authentic { bytes_max: 999 }).unwrap();
    assert!(matches!(small.update(&sealed.body), Err(ClientError::NotBuffered { limit: 999 })));
    let range = opened.decrypt_range(&(0..16), 1016, &sealed.body[..33]);
    assert!(matches!(range, Err(ClientError::Legacy { .. })));
}

#[test]
fn legacy_objects_are_read_where_that_is_asked_for() {
    use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _, block_padding::Pkcs7};
    let (service, keyring) = kms();
    let ann = KmsCall::by("arn:aws:iam::000000000000:user/ann");
    let key = service.list_keys(&ann, None, 10).unwrap().remove(0);
    let description = EncryptionContext::of([("kms_cmk_id", key.as_str())]).unwrap();
    use crate::kms::KeyService as _;
    let made = service.generate_data_key(&ann, &key, &description).unwrap();
    let iv: [u8; 16] = bytes(0x30);
    let plain = b"an old body of more than a block";
    let mut buffer = [0; 48];
    buffer[..plain.len()].copy_from_slice(plain);
    let cipher = cbc::Encryptor::<aes::Aes256>::new(made.plaintext.expose().into(), &iv.into());
    let body = cipher.encrypt_padded::<Pkcs7>(&mut buffer, plain.len()).unwrap().to_vec();
    let mut one: MetadataMap = [
        ("x-amz-key", STANDARD.encode(&made.ciphertext)),
        ("x-amz-iv", STANDARD.encode(iv)),
        ("x-amz-matdesc", description.to_json()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let client =
        ClientEncryption::new(keyring).policy(CommitmentPolicy::RequireEncryptAllowDecrypt);
    assert!(matches!(client.open(&none(), &one, None), Err(ClientError::Legacy { .. })));
    let client = client.legacy(Legacy::Read);
    let opened = client.open(&none(), &one, None).unwrap();
    assert_eq!(opened.decrypt(&body).unwrap(), plain);
    assert!(opened.decrypt(&body[..body.len() - 1]).is_err());
    let wrapped = one.remove("x-amz-key").unwrap();
    one.insert("x-amz-key-v2".into(), wrapped);
    one.insert("x-amz-cek-alg".into(), "AES/CBC/PKCS5Padding".into());
    one.insert("x-amz-wrap-alg".into(), "kms".into());
    assert_eq!(client.open(&none(), &one, None).unwrap().decrypt(&body).unwrap(), plain);
}
