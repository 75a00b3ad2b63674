//! Keys are not found in anything that people read.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cistern_crypto::{
    CustomerKey, EncryptionContext, Key256, KeyMemory, KeyRing, KmsProtection, Protection, RootKey,
    SealCall, StoreSealer, WrappingKey,
    client::{ClientEncryption, RawAesKeyring},
    kms::{AuditEvent, AuditSink, CreateKey, KeyOrigin, KeyService, KmsCall, LocalKms, MemoryRows},
    provider::RustCrypto,
};
use cistern_storage_core::port::{SealContext, SeededEntropy, SystemClock};
use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

/// A key that is not found by accident.
const KEY: [u8; 32] = *b"\x9d\x01~Q2rxz\xfe9-this-is-the-secret\x88\xc3\x71";

fn key() -> Key256 {
    Key256::from_slice(&KEY).unwrap()
}

/// All that was printed.
#[derive(Debug, Default)]
struct Paper(Mutex<String>);

impl Paper {
    fn print(&self, what: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{what:?}\n{what:#?}").unwrap();
    }

    /// A value, or the error in its place with all of its causes.
    fn print_outcome<T: Debug, E: std::error::Error>(&self, outcome: &Result<T, E>) {
        self.print(outcome);
        let mut text = self.0.lock().unwrap();
        if let Err(error) = outcome {
            let mut cause: Option<&dyn std::error::Error> = Some(error);
            while let Some(error) = cause {
                writeln!(text, "{error}").unwrap();
                cause = error.source();
            }
        }
    }
}

impl AuditSink for Paper {
    fn record(&self, event: &AuditEvent<'_>) {
        self.print(event);
        writeln!(self.0.lock().unwrap(), "{}", event.to_json()).unwrap();
    }
}

#[test]
fn no_key_is_printed_in_any_form() {
    let paper = Arc::new(Paper::default());
    let (entropy, clock) = (SeededEntropy::new(1), SystemClock::default());
    let root = RootKey::new(key());
    paper.print(&key());
    paper.print(&root);
    paper.print(&WrappingKey::new(&key()));
    let hexadecimal: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    paper.print_outcome(&RootKey::parse(&format!("{hexadecimal}00"), "a test"));
    paper.print_outcome(&RootKey::parse(&STANDARD.encode(&KEY[1..]), "a test"));

    let storage = Arc::new(KeyMemory::new());
    let ring = Arc::new(KeyRing::open(&root, storage.clone(), &entropy, &clock).unwrap());
    paper.print(&ring);
    paper.print(&storage);
    let other = RootKey::new(Key256::generate(&entropy));
    paper.print_outcome(&KeyRing::open(&other, storage, &entropy, &clock));

    let rows = Arc::new(MemoryRows::new());
    let kms = LocalKms::builder(Arc::clone(&ring), rows.clone()).audit(paper.clone());
    let kms = Arc::new(kms.open().unwrap());
    let call = KmsCall::by("arn:aws:iam::000000000000:user/ann");
    let external = CreateKey::new().origin(KeyOrigin::External);
    let arn = kms.create_key(&call, &external).unwrap().arn;
    let token = kms.get_parameters_for_import(&call, &arn).unwrap();
    paper.print_outcome(&kms.import_key_material(&call, &arn, &token, &KEY[1..], None));
    kms.import_key_material(&call, &arn, &token, &KEY, None).unwrap();
    paper.print_outcome(&kms.describe_key(&call, &arn));
    paper.print_outcome(&kms.encrypt(&call, &arn, &EncryptionContext::new(), &KEY));
    let sealed = kms.encrypt(&call, &arn, &EncryptionContext::new(), &KEY).unwrap();
    paper.print_outcome(&kms.decrypt(&call, None, &EncryptionContext::new(), &sealed.ciphertext));
    paper.print_outcome(&kms.generate_data_key(&call, &arn, &EncryptionContext::new()));
    paper.print(&kms);
    paper.print(&rows);

    let sealer = StoreSealer::new(ring).key_service(kms);
    let here = SealContext::new("bucket", "key");
    for protection in [
        Protection::Customer(CustomerKey::new(key())),
        Protection::Kms(KmsProtection::with_key(arn)),
    ] {
        let call = SealCall::by("arn:aws:iam::000000000000:user/ann");
        let mut body = sealer.seal_as(&here, call, &protection).unwrap();
        body.finish().unwrap();
        let envelope = body.envelope(&[0; 32]).unwrap();
        paper.print(&(&sealer, &protection, &body, &envelope));
        let wrong = CustomerKey::new(key());
        for call in [call, call.customer(&wrong)] {
            paper.print_outcome(&sealer.open_as(&here, call, &envelope, &[0; 32], 0));
            paper.print_outcome(&sealer.open_as(&here, call, &envelope, &[1; 32], 0));
        }
    }
    let digest = Some("AAAA");
    let text = STANDARD.encode(KEY);
    let headers = CustomerKey::from_headers(None, Some("AES256"), Some(&text), digest);
    paper.print_outcome(&headers);

    let client = ClientEncryption::new(Arc::new(RawAesKeyring::new(key())));
    let mut sealed = client.encrypt(&EncryptionContext::new(), b"body").unwrap();
    paper.print(&(&client, &sealed));
    paper.print_outcome(&client.open(&EncryptionContext::new(), &sealed.metadata, None));
    sealed.metadata.insert("x-amz-3".into(), text);
    paper.print_outcome(&client.open(&EncryptionContext::new(), &sealed.metadata, None));
    paper.print_outcome(&cistern_crypto::open(&RustCrypto, &key(), b"", &[0; 80]));

    let paper = paper.0.lock().unwrap();
    assert!(paper.len() > 5000, "nothing was printed");
    // Base64 is searched for in its three alignments, as is Debug's list of numbers.
    let numbers = |bytes: &[u8], between: &str| {
        bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between)
    };
    for at in 0..24 {
        let piece = &KEY[at..at + 8];
        let digits: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!paper.to_lowercase().contains(&digits), "as hexadecimal at {at}");
        assert!(!paper.contains(&STANDARD.encode(piece)[..10]), "as base64 at {at}");
        assert!(!paper.contains(&numbers(piece, ", ")), "as numbers at {at}");
    }
    assert!(!paper.contains("this-is-the-secret"), "as text");
}
