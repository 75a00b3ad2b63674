//! What the key service answers, against the rules of KMS.

use super::{key::KeyUuid, *};
use crate::{EncryptionContext, Key256, KeyMemory, KeyRing, RootKey};
use cistern_storage_core::{
    MemoryBackend, Timestamp,
    port::{Backend, Clock, Entropy, ManualClock, SeededEntropy},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const ANN: &str = "arn:aws:iam::000000000000:user/ann";
const BOB: &str = "arn:aws:iam::000000000000:user/bob";
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, Default)]
struct Log(Mutex<Vec<Value>>);

impl AuditSink for Log {
    fn record(&self, event: &AuditEvent<'_>) {
        self.0.lock().push(event.to_json());
    }
}

struct World {
    kms: LocalKms,
    clock: Arc<ManualClock>,
    ring: Arc<KeyRing>,
    rows: Arc<dyn KeyRows>,
    log: Arc<Log>,
}

fn ring() -> Arc<KeyRing> {
    let entropy = SeededEntropy::new(1);
    let root = RootKey::new(Key256::generate(&entropy));
    let clock = ManualClock::new(Timestamp::from_millis(0));
    Arc::new(KeyRing::open(&root, Arc::new(KeyMemory::new()), &entropy, &clock).unwrap())
}

fn world_with(build: impl FnOnce(LocalKmsBuilder) -> LocalKmsBuilder) -> World {
    let rows: Arc<dyn KeyRows> = Arc::new(MemoryRows::new());
    let (ring, log) = (ring(), Arc::new(Log::default()));
    // 2026-11-24T10:00:00Z
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_514_400_000)));
    let builder = LocalKms::builder(Arc::clone(&ring), Arc::clone(&rows))
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .entropy(Arc::new(SeededEntropy::new(2)) as Arc<dyn Entropy>)
        .audit(Arc::clone(&log) as Arc<dyn AuditSink>);
    World { kms: build(builder).open().unwrap(), clock, ring, rows, log }
}

fn world() -> World {
    world_with(|builder| builder)
}

impl World {
    fn key(&self) -> String {
        self.kms.create_key(&ann(), &CreateKey::new()).unwrap().arn
    }

    /// The same state, read from its rows again.
    fn reopened(&self) -> LocalKms {
        LocalKms::builder(Arc::clone(&self.ring), Arc::clone(&self.rows))
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .open()
            .unwrap()
    }

    fn seal(&self, key: &str) -> Vec<u8> {
        self.kms.encrypt(&ann(), key, &none(), b"secret").unwrap().ciphertext
    }

    fn last(&self) -> Value {
        self.log.0.lock().last().unwrap().clone()
    }
}

fn ann() -> KmsCall<'static> {
    KmsCall::by(ANN)
}

fn none() -> EncryptionContext {
    EncryptionContext::new()
}

fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
    EncryptionContext::of(pairs.iter().copied()).unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(found: Result<T, KmsError>, name: &str, message: &str) {
    let error = found.unwrap_err();
    assert_eq!((error.name(), &*error.to_string()), (name, message));
}

// Law-test: KMS, an invalid ciphertext has an empty message.
#[test]
fn a_ciphertext_opens_with_its_own_context_alone() {
    let world = world();
    let key = world.key();
    let bound = context(&[("a", "1")]);
    let sealed = world.kms.encrypt(&ann(), &key, &bound, b"secret").unwrap().ciphertext;
    let open = |context: &EncryptionContext| world.kms.decrypt(&ann(), None, context, &sealed);
    assert_eq!(open(&bound).unwrap().plaintext[..], *b"secret");
    for other in [context(&[("a", "1"), ("b", "2")]), none(), context(&[("A", "1")])] {
        refused(open(&other), "InvalidCiphertextException", "");
    }
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let found = world.kms.decrypt(&ann(), None, &bound, &changed);
        refused(found, "InvalidCiphertextException", "");
    }
    for len in 0..sealed.len() {
        let found = world.kms.decrypt(&ann(), None, &bound, &sealed[..len]);
        refused(found, "InvalidCiphertextException", "");
    }
}

// Law-test: KMS, limits of plaintext and ciphertext.
#[test]
fn a_plaintext_has_1_to_4096_bytes() {
    let world = world();
    let key = world.key();
    let seal = |len| world.kms.encrypt(&ann(), &key, &none(), &vec![7; len]);
    let sealed = seal(4096).unwrap().ciphertext;
    let opened = world.kms.decrypt(&ann(), None, &none(), &sealed).unwrap();
    assert_eq!(opened.plaintext.len(), 4096);
    let message = "1 validation error detected: Value at 'plaintext' failed to satisfy \
                   constraint: Member must have length less than or equal to 4096";
    refused(seal(4097), "ValidationException", message);
    assert_eq!(seal(0).unwrap_err().name(), "ValidationException");
    let long = world.kms.decrypt(&ann(), None, &none(), &vec![1; 6145]);
    assert_eq!(long.unwrap_err().name(), "ValidationException");
}

#[test]
fn a_data_key_is_97_bytes_encrypted_and_comes_back() {
    let world = world();
    let key = world.key();
    let made = world.kms.generate_data_key(&ann(), &key, &none()).unwrap();
    assert_eq!(made.ciphertext.len(), 97);
    let again = world.kms.decrypt(&ann(), None, &none(), &made.ciphertext).unwrap();
    assert_eq!(again.plaintext[..], made.plaintext.expose()[..]);
    assert_eq!((&again.key_arn, &again.material), (&key, &made.material));
    let hidden = world.kms.generate_data_key_without_plaintext(&ann(), &key, &none()).unwrap();
    let opened = world.kms.decrypt(&ann(), None, &none(), &hidden.ciphertext).unwrap();
    assert_eq!(opened.plaintext.len(), 32);
}

// Law-test: KMS, a ciphertext names its key, and a key named beside it must be that one.
#[test]
fn another_key_than_the_one_that_encrypted_is_incorrect() {
    let world = world();
    let (one, two) = (world.key(), world.key());
    let sealed = world.seal(&one);
    let open = |key| world.kms.decrypt(&ann(), key, &none(), &sealed);
    assert!(open(Some(&*one)).is_ok() && open(None).is_ok());
    let message =
        "The key ID in the request does not identify a CMK that can perform this operation.";
    refused(open(Some(&*two)), "IncorrectKeyException", message);
}

// Law-test: KMS, forms of a key's identifier.
#[test]
fn a_key_is_named_in_four_ways() {
    let world = world();
    let arn = world.key();
    world.kms.create_alias(&ann(), "alias/mine", &arn).unwrap();
    let id = arn.rsplit('/').next().unwrap();
    for name in [&arn, id, "alias/mine", "arn:aws:kms:us-east-1:000000000000:alias/mine"] {
        assert_eq!(world.kms.describe_key(&ann(), name).unwrap().arn, arn);
    }
    let describe = |name: &str| world.kms.describe_key(&ann(), name);
    let not_found = "NotFoundException";
    refused(describe("fake-key-id"), not_found, "Invalid keyId 'fake-key-id'");
    let absent = "11111111-2222-4333-8444-555555555555";
    let message = format!("Key 'arn:aws:kms:us-east-1:000000000000:key/{absent}' does not exist");
    refused(describe(absent), not_found, &message);
    let elsewhere = arn.replace("us-east-1", "us-west-2");
    refused(describe(&elsewhere), not_found, "Invalid arn us-west-2");
    let message = "Alias arn:aws:kms:us-east-1:000000000000:alias/other is not found.";
    refused(describe("alias/other"), not_found, message);
    for name in ["", "arn:", "arn:aws:s3:::b", "arn:aws:kms:us-east-1", "key/x", &arn[..40]] {
        assert_eq!(describe(name).unwrap_err().name(), not_found, "{name}");
    }
}

// Law-test: KMS, which operation works in which state of a key.
#[test]
fn what_works_follows_from_the_state() {
    let (enabled, disabled, dying) = ("", "DisabledException", "KMSInvalidStateException");
    let rows = [
        ("Encrypt", enabled, disabled, dying),
        ("Decrypt", enabled, disabled, dying),
        ("ReEncrypt", enabled, disabled, dying),
        ("GenerateDataKey", enabled, disabled, dying),
        ("CreateGrant", enabled, disabled, dying),
        ("EnableKeyRotation", enabled, disabled, dying),
        ("DisableKeyRotation", enabled, disabled, dying),
        ("EnableKey", enabled, enabled, dying),
        ("DisableKey", enabled, enabled, dying),
        ("ScheduleKeyDeletion", enabled, enabled, dying),
        ("CreateAlias", enabled, enabled, dying),
        ("TagResource", enabled, enabled, dying),
        ("UpdateKeyDescription", enabled, enabled, dying),
        ("DescribeKey", enabled, enabled, enabled),
        ("GetKeyPolicy", enabled, enabled, enabled),
        ("ListGrants", enabled, enabled, enabled),
        ("CancelKeyDeletion", dying, dying, enabled),
    ];
    for (name, in_enabled, in_disabled, in_dying) in rows {
        for (state, expected) in [(0, in_enabled), (1, in_disabled), (2, in_dying)] {
            let world = world();
            let (key, other) = (world.key(), world.key());
            let sealed = world.seal(&key);
            match state {
                0 => {}
                1 => world.kms.disable_key(&ann(), &key).unwrap(),
                _ => drop(world.kms.schedule_key_deletion(&ann(), &key, None).unwrap()),
            }
            let found = attempt(&world.kms, name, &key, &other, &sealed);
            let found = found.map_or_else(|error| error.name(), |()| "");
            assert_eq!(found, expected, "{name} in state {state}");
        }
    }
}

fn attempt(
    kms: &LocalKms,
    name: &str,
    key: &str,
    other: &str,
    sealed: &[u8],
) -> Result<(), KmsError> {
    let (call, none) = (ann(), none());
    match name {
        "Encrypt" => kms.encrypt(&call, key, &none, b"x").map(drop),
        "Decrypt" => kms.decrypt(&call, None, &none, sealed).map(drop),
        "ReEncrypt" => kms.re_encrypt(&call, (None, &none, sealed), (other, &none)).map(drop),
        "GenerateDataKey" => kms.generate_data_key(&call, key, &none).map(drop),
        "CreateGrant" => {
            kms.create_grant(&call, key, &CreateGrant::new(BOB, &[Operation::Decrypt])).map(drop)
        }
        "EnableKeyRotation" => kms.enable_key_rotation(&call, key, None),
        "DisableKeyRotation" => kms.disable_key_rotation(&call, key),
        "EnableKey" => kms.enable_key(&call, key),
        "DisableKey" => kms.disable_key(&call, key),
        "ScheduleKeyDeletion" => kms.schedule_key_deletion(&call, key, None).map(drop),
        "CreateAlias" => kms.create_alias(&call, "alias/new", key),
        "TagResource" => kms.tag_resource(&call, key, &[("a".into(), "b".into())].into()),
        "UpdateKeyDescription" => kms.update_key_description(&call, key, "text"),
        "DescribeKey" => kms.describe_key(&call, key).map(drop),
        "GetKeyPolicy" => kms.get_key_policy(&call, key).map(drop),
        "ListGrants" => kms.list_grants(&call, key).map(drop),
        "CancelKeyDeletion" => kms.cancel_key_deletion(&call, key),
        other => panic!("{other}"),
    }
}

// Law-test: KMS, names and messages of errors.
#[test]
fn states_are_refused_in_kms_words() {
    let world = world();
    let key = world.key();
    world.kms.disable_key(&ann(), &key).unwrap();
    let seal = || world.kms.encrypt(&ann(), &key, &none(), b"x");
    refused(seal(), "DisabledException", &format!("{key} is disabled."));
    world.kms.schedule_key_deletion(&ann(), &key, Some(7)).unwrap();
    refused(seal(), "KMSInvalidStateException", &format!("{key} is pending deletion."));
    let answer = seal().unwrap_err().through_s3();
    assert_eq!((answer.status, &*answer.code), (400, "KMS.KMSInvalidStateException"));
    world.kms.cancel_key_deletion(&ann(), &key).unwrap();
    let found = world.kms.cancel_key_deletion(&ann(), &key);
    refused(found, "KMSInvalidStateException", &format!("{key} is not pending deletion."));
    assert_eq!(world.kms.describe_key(&ann(), &key).unwrap().status, KeyStatus::Disabled);
}

// Law-test: KMS, a deletion waits 7 to 30 days, 30 unless said otherwise.
#[test]
fn a_key_is_gone_when_its_time_has_come_and_its_ciphertexts_with_it() {
    let world = world();
    let key = world.key();
    world.kms.create_alias(&ann(), "alias/mine", &key).unwrap();
    let sealed = world.seal(&key);
    for days in [0, 6, 31] {
        let found = world.kms.schedule_key_deletion(&ann(), &key, Some(days));
        assert_eq!(found.unwrap_err().name(), "ValidationException", "{days}");
    }
    let at = world.kms.schedule_key_deletion(&ann(), &key, None).unwrap();
    assert_eq!(at, world.clock.now().plus(30 * DAY));
    world.clock.advance(30 * DAY - Duration::from_millis(1));
    assert!(world.kms.describe_key(&ann(), &key).is_ok());
    world.clock.advance(Duration::from_millis(1));
    for kms in [&world.kms, &world.reopened()] {
        assert_eq!(kms.describe_key(&ann(), &key).unwrap_err().name(), "NotFoundException");
        assert_eq!(kms.describe_key(&ann(), "alias/mine").unwrap_err().name(), "NotFoundException");
        let found = kms.decrypt(&ann(), None, &none(), &sealed);
        assert_eq!(found.unwrap_err().name(), "InvalidCiphertextException");
    }
    assert!(world.rows.all().unwrap().is_empty());
}

// Law-test: KMS, a key is rotated on demand 25 times at most.
#[test]
fn old_ciphertexts_open_after_any_rotation() {
    let world = world();
    let key = world.key();
    let first = world.kms.encrypt(&ann(), &key, &none(), b"old").unwrap();
    world.kms.rotate_key_on_demand(&ann(), &key).unwrap();
    world.kms.rotate_key_on_demand(&ann(), &key).unwrap();
    for kms in [&world.kms, &world.reopened()] {
        let opened = kms.decrypt(&ann(), None, &none(), &first.ciphertext).unwrap();
        assert_eq!((&opened.plaintext[..], &opened.material), (&b"old"[..], &first.material));
        let rotations = kms.list_key_rotations(&ann(), &key).unwrap();
        let made = kms.generate_data_key(&ann(), &key, &none()).unwrap();
        assert_eq!((rotations.len(), &made.material), (3, &rotations[2].material));
        assert!(rotations[2].is_current && !rotations[1].is_current);
    }
    for _ in 2..25 {
        world.kms.rotate_key_on_demand(&ann(), &key).unwrap();
    }
    let found = world.kms.rotate_key_on_demand(&ann(), &key);
    assert_eq!(found.unwrap_err().name(), "LimitExceededException");
}

// Law-test: KMS, automatic rotation every 90 to 2560 days, 365 unless said otherwise.
// Law-test: KMS, a key that is disabled does not rotate.
#[test]
fn keys_rotate_by_themselves_when_it_is_time() {
    let world = world();
    let key = world.key();
    for days in [89, 2561] {
        let found = world.kms.enable_key_rotation(&ann(), &key, Some(days));
        assert_eq!(found.unwrap_err().name(), "ValidationException");
    }
    world.kms.enable_key_rotation(&ann(), &key, None).unwrap();
    let status = world.kms.get_key_rotation_status(&ann(), &key).unwrap();
    assert_eq!(status.period_days, Some(365));
    world.kms.enable_key_rotation(&ann(), &key, Some(100)).unwrap();
    let count = || world.kms.list_key_rotations(&ann(), &key).unwrap().len();
    world.clock.advance(99 * DAY);
    assert_eq!(count(), 1);
    world.clock.advance(DAY);
    assert_eq!(count(), 2);
    let events: Vec<_> = world
        .log
        .0
        .lock()
        .iter()
        .filter(|event| event["eventName"] == "RotateKey")
        .cloned()
        .collect();
    assert_eq!((events.len(), &events[0]["eventType"]), (1, &json!("AwsServiceEvent")));
    assert_eq!(events[0]["readOnly"], false);
    world.kms.disable_key(&ann(), &key).unwrap();
    world.clock.advance(250 * DAY);
    assert_eq!(count(), 2, "not while it is disabled");
    world.kms.enable_key(&ann(), &key).unwrap();
    assert_eq!(count(), 3, "what was missed is made up for once");
    world.kms.disable_key_rotation(&ann(), &key).unwrap();
    world.clock.advance(1000 * DAY);
    assert_eq!(count(), 3);
}

#[test]
fn a_ciphertext_moves_to_another_key() {
    let world = world();
    let (one, two) = (world.key(), world.key());
    let sealed = world.seal(&one);
    let (from, to) = (none(), context(&[("a", "1")]));
    let moved = world.kms.re_encrypt(&ann(), (None, &from, &sealed), (&two, &to)).unwrap();
    assert_eq!((&moved.source_arn, &moved.encrypted.key_arn), (&one, &two));
    let resources = world.last()["resources"].clone();
    assert_eq!((&resources[0]["ARN"], &resources[1]["ARN"]), (&json!(one), &json!(two)));
    world.kms.disable_key(&ann(), &one).unwrap();
    let open = |key| world.kms.decrypt(&ann(), key, &to, &moved.encrypted.ciphertext);
    assert_eq!(open(None).unwrap().plaintext[..], *b"secret");
    assert_eq!(open(Some(&*two)).unwrap().key_arn, two);
}

#[test]
fn calls_over_the_quota_are_throttled_and_slow_s3_down() {
    let world = world_with(|builder| {
        builder.quotas(KmsQuotas::unlimited().limit(Quota::Cryptographic, 10))
    });
    let key = world.key();
    let sealed = world.seal(&key);
    for _ in 0..9 {
        world.kms.decrypt(&ann(), None, &none(), &sealed).unwrap();
    }
    let error = world.kms.decrypt(&ann(), None, &none(), &sealed).unwrap_err();
    assert_eq!(error, KmsError::Throttling);
    assert_eq!(world.last()["errorCode"], "ThrottlingException");
    // Law-test: S3, answers to failures of KMS.
    let answer = error.through_s3();
    assert_eq!((answer.status, &*answer.code), (503, "SlowDown"));
    world.clock.advance(Duration::from_secs(1));
    assert!(world.kms.decrypt(&ann(), None, &none(), &sealed).is_ok());
}

/// Reads policies of the form `allow ARN action` and `deny ARN action`, one a line.
#[derive(Debug)]
struct Lines;

impl KeyAuthority for Lines {
    fn judge(&self, request: &KeyRequest<'_>) -> KeyVerdict {
        let Some(policy) = request.policy else {
            return if request.principal == ANN { KeyVerdict::Allow } else { KeyVerdict::Silent };
        };
        let says = |word: &str| {
            let line = format!("{word} {} {}", request.principal, request.action);
            policy
                .lines()
                .any(|known| known == line || known == format!("{word} {} *", request.principal))
        };
        if says("deny") {
            KeyVerdict::Deny
        } else if says("allow") {
            KeyVerdict::Allow
        } else {
            KeyVerdict::Silent
        }
    }

    fn fault_of(&self, policy: &str) -> Option<String> {
        let wrong = |line: &&str| !(line.starts_with("allow ") || line.starts_with("deny "));
        policy.lines().find(wrong).map(|line| format!("line `{line}` is not understood"))
    }
}

// Law-test: KMS, a call is allowed by a policy or by a grant, and an explicit deny wins.
// Law-test: KMS, grants allow the operations they list, under their constraint on the context.
#[test]
fn policies_and_grants_decide_together() {
    let world = world_with(|builder| builder.authority(Arc::new(Lines)));
    let key = world.key();
    let team = context(&[("team", "x")]);
    let both = context(&[("team", "x"), ("y", "1")]);
    let sealed = world.kms.encrypt(&ann(), &key, &both, b"secret").unwrap().ciphertext;
    let bob = KmsCall::by(BOB);
    let open = || world.kms.decrypt(&bob, None, &both, &sealed);
    let denied = format!(
        "User: {BOB} is not authorized to perform: kms:Decrypt on resource: {key} because no \
         identity-based policy allows the kms:Decrypt action"
    );
    refused(open(), "AccessDeniedException", &denied);
    assert_eq!(open().unwrap_err().through_s3().status, 403);

    let wanted = CreateGrant::new(BOB, &[Operation::Decrypt]).context_subset(team);
    let grant = world.kms.create_grant(&ann(), &key, &wanted).unwrap();
    assert!(open().is_ok());
    assert!(world.reopened_with_lines().decrypt(&bob, None, &both, &sealed).is_ok());
    let other = context(&[("team", "z")]);
    let found = world.kms.decrypt(&bob, None, &other, &sealed);
    assert_eq!(found.unwrap_err().name(), "AccessDeniedException");
    let found = world.kms.encrypt(&bob, &key, &both, b"x");
    assert_eq!(found.unwrap_err().name(), "AccessDeniedException");

    let policy = format!("allow {ANN} *\ndeny {BOB} kms:Decrypt");
    world.kms.put_key_policy(&ann(), &key, &policy).unwrap();
    assert_eq!(world.kms.get_key_policy(&ann(), &key).unwrap(), Some(policy));
    assert!(open().unwrap_err().to_string().contains("explicit deny"));
    world.kms.put_key_policy(&ann(), &key, &format!("allow {ANN} *")).unwrap();
    assert!(open().is_ok());
    world.kms.revoke_grant(&ann(), &key, &grant.id).unwrap();
    assert_eq!(open().unwrap_err().name(), "AccessDeniedException");
    // Law-test: KMS, resource quotas: 100,000 keys, 50 aliases and 50,000 grants a key, policies of 32 KiB.
    let long = format!("allow {ANN} *\n").repeat(1000);
    let found = world.kms.put_key_policy(&ann(), &key, &long);
    assert_eq!(found.unwrap_err().name(), "ValidationException");
    let found = world.kms.put_key_policy(&ann(), &key, "nonsense");
    assert!(found.unwrap_err().to_string().contains("nonsense"));
}

impl World {
    fn reopened_with_lines(&self) -> LocalKms {
        LocalKms::builder(Arc::clone(&self.ring), Arc::clone(&self.rows))
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .authority(Arc::new(Lines))
            .open()
            .unwrap()
    }
}

#[test]
fn a_grant_is_retired_by_its_own_people_and_its_token_must_be_known() {
    let world = world_with(|builder| builder.authority(Arc::new(Lines)));
    let key = world.key();
    let bob = KmsCall::by(BOB);
    let exact = context(&[("a", "1")]);
    let operations = [Operation::Encrypt, Operation::RetireGrant];
    let wanted = CreateGrant::new(BOB, &operations).context_equals(exact.clone()).name("once");
    let grant = world.kms.create_grant(&ann(), &key, &wanted).unwrap();
    assert_eq!(world.kms.create_grant(&ann(), &key, &wanted).unwrap(), grant, "made once");
    let tokens = vec![grant.token.clone()];
    let seal = |call: &KmsCall<'_>| world.kms.encrypt(call, &key, &exact, b"x").map(drop);
    assert!(seal(&bob.grant_tokens(&tokens)).is_ok());
    let unknown = vec!["00".repeat(32)];
    assert_eq!(seal(&bob.grant_tokens(&unknown)).unwrap_err().to_string(), "Invalid grant token");
    let eve = KmsCall::by("arn:aws:iam::000000000000:user/eve");
    assert!(world.kms.retire_grant(&eve, &grant.token).is_err());
    world.kms.retire_grant(&bob, &grant.token).unwrap();
    assert!(seal(&bob).is_err());
    assert!(world.kms.list_grants(&ann(), &key).unwrap().is_empty());
    let bad = CreateGrant::new(BOB, &[Operation::CreateKey]);
    assert!(world.kms.create_grant(&ann(), &key, &bad).is_err());
}

#[test]
fn without_anybody_who_reads_policies_none_can_be_put() {
    let world = world();
    let key = world.key();
    let found = world.kms.put_key_policy(&ann(), &key, "{}");
    assert_eq!(found.unwrap_err().name(), "UnsupportedOperationException");
}

// Law-test: KMS, an import token is valid for 24 hours.
#[test]
fn imported_material_comes_goes_and_comes_back() {
    let world = world();
    let wanted = CreateKey::new().origin(KeyOrigin::External);
    let key = world.kms.create_key(&ann(), &wanted).unwrap();
    assert_eq!(key.status, KeyStatus::PendingImport);
    let key = key.arn;
    let seal = || world.kms.encrypt(&ann(), &key, &none(), b"secret");
    refused(seal(), "KMSInvalidStateException", &format!("{key} is pending import."));
    let token = || world.kms.get_parameters_for_import(&ann(), &key).unwrap();
    let import = |token: &str, byte: u8, expires| {
        world.kms.import_key_material(&ann(), &key, token, &[byte; 32], expires)
    };
    let old = token();
    world.clock.advance(DAY);
    assert_eq!(import(&old, 7, None).unwrap_err().name(), "ExpiredImportTokenException");
    assert_eq!(import("00", 7, None).unwrap_err().name(), "InvalidImportTokenException");
    let expires = world.clock.now().plus(DAY);
    let good = token();
    import(&good, 7, Some(expires)).unwrap();
    assert_eq!(import(&good, 7, None).unwrap_err().name(), "InvalidImportTokenException");
    let sealed = seal().unwrap().ciphertext;
    world.clock.advance(DAY);
    assert_eq!(seal().unwrap_err().name(), "KMSInvalidStateException", "its time is over");
    let other = import(&token(), 8, None);
    assert_eq!(other.unwrap_err().name(), "IncorrectKeyMaterialException");
    import(&token(), 7, None).unwrap();
    let opened = world.reopened().decrypt(&ann(), None, &none(), &sealed).unwrap();
    assert_eq!(opened.plaintext[..], *b"secret");
    world.kms.delete_imported_key_material(&ann(), &key).unwrap();
    assert_eq!(seal().unwrap_err().name(), "KMSInvalidStateException");
    let found = world.kms.rotate_key_on_demand(&ann(), &key);
    assert!(found.is_err());
    let own = world.key();
    let found = world.kms.get_parameters_for_import(&ann(), &own);
    assert_eq!(found.unwrap_err().name(), "UnsupportedOperationException");
}

#[test]
fn codes_are_made_and_checked_by_keys_for_codes() {
    let world = world();
    let specs = [
        (KeySpec::Hmac224, 28),
        (KeySpec::Hmac256, 32),
        (KeySpec::Hmac384, 48),
        (KeySpec::Hmac512, 64),
    ];
    for (spec, len) in specs {
        let key = world.kms.create_key(&ann(), &CreateKey::new().spec(spec)).unwrap().arn;
        let made = world.kms.generate_mac(&ann(), &key, b"message").unwrap();
        assert_eq!(made.mac.len(), len);
        world.reopened().verify_mac(&ann(), &key, b"message", &made.mac).unwrap();
        let found = world.kms.verify_mac(&ann(), &key, b"massage", &made.mac);
        refused(found, "KMSInvalidMacException", "");
        let found = world.kms.verify_mac(&ann(), &key, b"message", &made.mac[1..]);
        refused(found, "KMSInvalidMacException", "");
        let usage = format!(
            "{key} key usage is GENERATE_VERIFY_MAC which is not valid for GenerateDataKey."
        );
        let found = world.kms.generate_data_key(&ann(), &key, &none());
        refused(found, "InvalidKeyUsageException", &usage);
        let found = world.kms.rotate_key_on_demand(&ann(), &key);
        assert_eq!(found.unwrap_err().name(), "UnsupportedOperationException");
    }
    let found = world.kms.generate_mac(&ann(), &world.key(), b"message");
    assert_eq!(found.unwrap_err().name(), "InvalidKeyUsageException");
}

#[test]
fn imported_material_makes_the_codes_that_others_make() {
    let world = world();
    let wanted = CreateKey::new().spec(KeySpec::Hmac256).origin(KeyOrigin::External);
    let key = world.kms.create_key(&ann(), &wanted).unwrap().arn;
    let token = world.kms.get_parameters_for_import(&ann(), &key).unwrap();
    world.kms.import_key_material(&ann(), &key, &token, &[0x0b; 32], None).unwrap();
    let made = world.kms.generate_mac(&ann(), &key, b"Hi There").unwrap();
    assert_eq!(made.mac, crate::derive::hmac_sha256(&[0x0b; 32], &[b"Hi There"]));
}

// Law-test: KMS, an alias is `alias/` and up to 250 of a-z, A-Z, 0-9, `/`, `_`, `-`; `alias/aws/` is
// reserved.
#[test]
fn aliases_name_one_key_and_can_name_another() {
    let world = world();
    let (one, two) = (world.key(), world.key());
    world.kms.create_alias(&ann(), "alias/a/b_c-1", &one).unwrap();
    let taken =
        "An alias with the name arn:aws:kms:us-east-1:000000000000:alias/a/b_c-1 already exists";
    let found = world.kms.create_alias(&ann(), "alias/a/b_c-1", &two);
    refused(found, "AlreadyExistsException", taken);
    world.kms.update_alias(&ann(), "alias/a/b_c-1", &two).unwrap();
    assert_eq!(world.reopened().describe_key(&ann(), "alias/a/b_c-1").unwrap().arn, two);
    for bad in ["a", "alias/", "alias/ ", "alias/a.b"] {
        let found = world.kms.create_alias(&ann(), bad, &one);
        assert_eq!(found.unwrap_err().name(), "InvalidAliasNameException", "{bad}");
    }
    assert!(world.kms.create_alias(&ann(), "alias/aws/mine", &one).is_err());
    assert_eq!(world.kms.list_aliases(&ann(), None).unwrap().len(), 1);
    assert!(world.kms.list_aliases(&ann(), Some(&one)).unwrap().is_empty());
    world.kms.delete_alias(&ann(), "alias/a/b_c-1").unwrap();
    assert!(world.kms.delete_alias(&ann(), "alias/a/b_c-1").is_err());
    for number in 0..50 {
        world.kms.create_alias(&ann(), &format!("alias/{number}"), &one).unwrap();
    }
    let found = world.kms.create_alias(&ann(), "alias/50", &one);
    assert_eq!(found.unwrap_err().name(), "LimitExceededException");
}

#[test]
fn the_accounts_own_key_for_s3_is_made_on_first_use_by_s3() {
    let world = world();
    let found = world.kms.generate_data_key(&ann(), "alias/aws/s3", &none());
    assert_eq!(found.unwrap_err().name(), "NotFoundException", "nobody but S3 makes it");
    let by_s3 = ann().via("s3");
    let made = world.kms.generate_data_key(&by_s3, "alias/aws/s3", &none()).unwrap();
    let again = world.kms.generate_data_key(&by_s3, "alias/aws/s3", &none()).unwrap();
    assert_eq!(made.key_arn, again.key_arn);
    let key = world.kms.describe_key(&ann(), "alias/aws/s3").unwrap();
    assert_eq!(key.manager, KeyManager::Service);
    let description = "Default key that protects my S3 objects when no other key is defined";
    assert_eq!(key.description, description);
    assert!(world.kms.disable_key(&ann(), &key.arn).is_err());
}

#[test]
fn keys_are_listed_in_pages() {
    let world = world();
    let mut all: Vec<_> =
        (0..25).map(|_| world.key().rsplit('/').next().unwrap().to_owned()).collect();
    all.sort();
    let mut found: Vec<String> = Vec::new();
    loop {
        let page = world.kms.list_keys(&ann(), found.last().map(String::as_str), 10).unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found, all);
    assert!(world.kms.list_keys(&ann(), None, 0).is_err());
}

// Law-test: KMS, audit events in CloudTrail's shape.
#[test]
fn every_call_is_told_and_nothing_secret_with_it() {
    let world = world();
    let key = world.key();
    let bound = context(&[("aws:s3:arn", "arn:aws:s3:::b/k"), ("team", "storage")]);
    let call = ann().via("s3");
    let made = world.kms.generate_data_key(&call, &key, &bound).unwrap();
    let mut event = world.last();
    let ids = ["requestID", "eventID"].map(|name| event[name].take());
    assert!(ids.iter().all(|id| KeyUuid::parse(id.as_str().unwrap()).is_some()));
    let expected = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser", "principalId": "ann", "arn": ANN, "accountId": "000000000000",
            "invokedBy": "s3",
        },
        "eventTime": "2026-11-24T10:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "GenerateDataKey",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "cistern",
        "requestParameters": {
            "keyId": key, "keySpec": "AES_256",
            "encryptionContext": { "aws:s3:arn": "arn:aws:s3:::b/k", "team": "storage" },
        },
        "responseElements": null,
        "additionalEventData": { "keyMaterialId": made.material },
        "requestID": null,
        "eventID": null,
        "readOnly": true,
        "resources": [{ "ARN": key, "accountId": "000000000000", "type": "AWS::KMS::Key" }],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "000000000000",
        "eventCategory": "Management",
    });
    assert_eq!(event, expected);

    world.kms.decrypt(&call, None, &none(), &made.ciphertext).unwrap_err();
    let failed = world.last();
    assert_eq!(failed["errorCode"], "InvalidCiphertextException");
    assert_eq!(failed["requestParameters"]["encryptionAlgorithm"], "SYMMETRIC_DEFAULT");
    world.kms.disable_key(&ann(), &key).unwrap();
    assert_eq!(world.last()["readOnly"], false);
    let all = serde_json::to_string(&*world.log.0.lock()).unwrap();
    for secret in [&made.plaintext.expose()[..], &made.ciphertext] {
        assert!(!all.contains(&crate::hex::encode(&secret[..8])));
    }
}

#[test]
fn the_generation_grows_with_every_change_of_a_key() {
    let world = world();
    let key = world.key();
    let mut last = world.kms.generation();
    let mut grew = || {
        let now = world.kms.generation();
        assert!(std::mem::replace(&mut last, now) < now);
    };
    world.kms.disable_key(&ann(), &key).unwrap();
    grew();
    world.kms.enable_key(&ann(), &key).unwrap();
    grew();
    let grant = CreateGrant::new(BOB, &[Operation::Decrypt]);
    let grant = world.kms.create_grant(&ann(), &key, &grant).unwrap();
    grew();
    world.kms.revoke_grant(&ann(), &key, &grant.id).unwrap();
    grew();
    world.seal(&key);
    assert_eq!(world.kms.generation(), last);
}

#[test]
fn rows_among_those_of_a_store_are_found_again_and_hide_everything() {
    let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
    let mut theirs = cistern_storage_core::port::Batch::default();
    for key in [&b"\x4a\xff"[..], b"\x4c"] {
        theirs.put(key.to_vec().into(), "not ours");
    }
    backend.commit(theirs).unwrap().wait().unwrap();
    let ring = ring();
    let open = || {
        let rows = BackendRows::new(Arc::clone(&backend), KEY_ROWS_PREFIX);
        LocalKms::builder(Arc::clone(&ring), Arc::new(rows)).open().unwrap()
    };
    let kms = open();
    let wanted = CreateKey::new().description("the cellar").tag("team", "storage");
    let key = kms.create_key(&ann(), &wanted).unwrap();
    kms.create_alias(&ann(), "alias/mine", &key.arn).unwrap();
    kms.create_grant(&ann(), &key.arn, &CreateGrant::new(BOB, &[Operation::Decrypt])).unwrap();
    kms.enable_key_rotation(&ann(), &key.arn, None).unwrap();
    let sealed = kms.encrypt(&ann(), &key.arn, &none(), b"secret").unwrap().ciphertext;
    let again = open();
    assert_eq!(again.decrypt(&ann(), None, &none(), &sealed).unwrap().plaintext[..], *b"secret");
    assert_eq!(again.describe_key(&ann(), "alias/mine").unwrap(), key);
    assert_eq!(
        again.list_grants(&ann(), &key.arn).unwrap(),
        kms.list_grants(&ann(), &key.arn).unwrap()
    );
    assert_eq!(again.list_resource_tags(&ann(), &key.arn).unwrap()["team"], "storage");
    let rows = BackendRows::new(Arc::clone(&backend), KEY_ROWS_PREFIX).all().unwrap();
    assert_eq!(rows.len(), 3);
    for (_, value) in &rows {
        assert!(!value.windows(6).any(|window| window == b"cellar"));
    }
    kms.delete_alias(&ann(), "alias/mine").unwrap();
    assert_eq!(BackendRows::new(backend, KEY_ROWS_PREFIX).all().unwrap().len(), 2);
}

#[test]
fn rows_that_were_changed_or_moved_are_refused() {
    let world = world();
    let key = world.key();
    world.kms.create_alias(&ann(), "alias/mine", &key).unwrap();
    let rows = world.rows.all().unwrap();
    let opens = |rows: &[(Vec<u8>, Vec<u8>)]| {
        let memory = MemoryRows::new();
        let changes: Vec<_> =
            rows.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        memory.commit(&changes).unwrap();
        LocalKms::builder(Arc::clone(&world.ring), Arc::new(memory)).open()
    };
    let good: Vec<_> = rows.iter().map(|(key, value)| (key.clone(), value.to_vec())).collect();
    assert!(opens(&good).is_ok());
    for row in 0..good.len() {
        for at in (0..good[row].1.len()).step_by(7) {
            let mut changed = good.clone();
            changed[row].1[at] ^= 1;
            assert_eq!(opens(&changed).unwrap_err().name(), "KMSInternalException");
        }
    }
    let mut renamed = good.clone();
    renamed[0].0.push(b'x');
    assert!(opens(&renamed).is_err(), "a row under another name");
}

#[test]
fn a_change_that_cannot_be_saved_did_not_happen() {
    #[derive(Debug, Default)]
    struct Full(MemoryRows, Mutex<bool>);
    impl KeyRows for Full {
        fn all(&self) -> Result<Vec<(Vec<u8>, bytes::Bytes)>, RowsError> {
            self.0.all()
        }
        fn commit(&self, changes: &[RowChange]) -> Result<(), RowsError> {
            if *self.1.lock() {
                return Err(RowsError { action: "written", reason: "no room".into() });
            }
            self.0.commit(changes)
        }
    }
    let rows = Arc::new(Full::default());
    let kms = LocalKms::builder(ring(), Arc::clone(&rows) as Arc<dyn KeyRows>).open().unwrap();
    let key = kms.create_key(&ann(), &CreateKey::new()).unwrap().arn;
    *rows.1.lock() = true;
    for found in [
        kms.disable_key(&ann(), &key),
        kms.create_alias(&ann(), "alias/mine", &key),
        kms.rotate_key_on_demand(&ann(), &key),
        kms.schedule_key_deletion(&ann(), &key, None).map(drop),
        kms.create_key(&ann(), &CreateKey::new()).map(drop),
        kms.create_grant(&ann(), &key, &CreateGrant::new(BOB, &[Operation::Decrypt])).map(drop),
    ] {
        assert_eq!(found.unwrap_err().name(), "KMSInternalException");
    }
    let known = kms.describe_key(&ann(), &key).unwrap();
    assert_eq!(known.status, KeyStatus::Enabled);
    assert_eq!(kms.list_key_rotations(&ann(), &key).unwrap().len(), 1);
    assert_eq!(kms.list_keys(&ann(), None, 10).unwrap().len(), 1);
    assert!(kms.list_aliases(&ann(), None).unwrap().is_empty());
    assert!(kms.list_grants(&ann(), &key).unwrap().is_empty());
}

#[test]
fn random_bytes_are_as_many_as_were_asked_for() {
    let world = world();
    for bytes in [1, 32, 1024] {
        assert_eq!(world.kms.generate_random(&ann(), bytes).unwrap().len(), bytes);
    }
    for bytes in [0, 1025] {
        assert_eq!(
            world.kms.generate_random(&ann(), bytes).unwrap_err().name(),
            "ValidationException"
        );
    }
}
