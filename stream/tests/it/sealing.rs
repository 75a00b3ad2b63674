use crate::world::START;
use bytes::Bytes;
use cistern_storage_core::{
    MemoryBackend, Timestamp,
    port::{
        Backend, KeyRange, ManualClock, Order, SealContext, SealError, Sealed, Sealer, Sealing,
    },
};
use cistern_stream::{Error, StartAt, StreamSettings, Streams};
use std::{ops::Range, sync::Arc};

/// Turns every bit, and remembers what it was bound to. No secret, but it shows what passes through.
#[derive(Debug)]
struct Mirror;

fn turned(bytes: &[u8]) -> Bytes {
    bytes.iter().map(|byte| !byte).collect::<Vec<_>>().into()
}

impl Sealer for Mirror {
    fn seal(&self, _: &SealContext<'_>) -> Result<Box<dyn Sealing>, SealError> {
        Ok(Box::new(Self))
    }

    fn open(
        &self,
        _: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        _: u64,
    ) -> Result<Box<dyn Sealed>, SealError> {
        if envelope == binding { Ok(Box::new(Self)) } else { Err(SealError::Refused) }
    }

    fn rebind(
        &self,
        _: &SealContext<'_>,
        _: &[u8],
        _: &[u8; 32],
        to: &[u8; 32],
    ) -> Result<Bytes, SealError> {
        Ok(Bytes::copy_from_slice(to))
    }
}

impl Sealing for Mirror {
    fn update(&mut self, plain: &[u8]) -> Result<Bytes, SealError> {
        Ok(turned(plain))
    }

    fn finish(&mut self) -> Result<Bytes, SealError> {
        Ok(Bytes::new())
    }

    fn envelope(&mut self, binding: &[u8; 32]) -> Result<Bytes, SealError> {
        Ok(Bytes::copy_from_slice(binding))
    }
}

impl Sealed for Mirror {
    fn sealed_range(&self, range: Range<u64>) -> Range<u64> {
        range
    }

    fn open_range(&self, _: Range<u64>, sealed: &[u8]) -> Result<Bytes, SealError> {
        Ok(turned(sealed))
    }
}

fn streams(backend: &Arc<dyn Backend>, sealer: Option<Arc<dyn Sealer>>) -> Streams {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
    let settings = StreamSettings::new().recent_bytes_max(0).inline_bytes_max(200);
    Streams::open(Arc::clone(backend), clock, sealer, settings).unwrap()
}

/// Law-test: Kinesis, StartStreamEncryption. Law-test: Kinesis, StopStreamEncryption.
#[test]
fn records_are_sealed_from_the_moment_it_is_asked_for() {
    let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
    let sealed = streams(&backend, Some(Arc::new(Mirror)));
    let stream = sealed.create("s", 1).unwrap();
    stream.put("k", "plain-one").unwrap();
    stream.start_encryption("alias/key").unwrap();
    assert_eq!(stream.describe().encryption_key.as_deref(), Some("alias/key"));
    stream.put("k", "secret-two").unwrap();
    stream.put("k", "secret-".repeat(100)).unwrap();
    stream.stop_encryption().unwrap();
    stream.put("k", "plain-four").unwrap();

    let records: Vec<_> = stream.read(StartAt::TrimHorizon).unwrap().map(Result::unwrap).collect();
    let encrypted: Vec<_> = records.iter().map(|record| record.encrypted).collect();
    assert_eq!(encrypted, [false, true, true, false]);
    assert_eq!(records[1].data, "secret-two");
    assert_eq!(records[2].data, "secret-".repeat(100));

    let rows = backend.scan(KeyRange::between(&[0], &[0xff]), Order::Forward, 1000).unwrap();
    let holds = |text: &str| {
        rows.iter()
            .any(|row| row.value.to_bytes().windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert!(holds("plain-one") && holds("plain-four") && !holds("secret"));

    let blind = streams(&backend, None);
    let mut read = blind.stream("s").unwrap().read(StartAt::TrimHorizon).unwrap();
    assert!(read.next().unwrap().is_ok());
    assert!(matches!(read.next().unwrap(), Err(Error::Sealing { .. })));
    assert!(read.next().is_none(), "it ends after the first error");
}

/// Law-test: Kinesis, common errors.
#[test]
fn a_store_without_a_sealer_seals_nothing() {
    let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
    let stream = streams(&backend, None).create("s", 1).unwrap();
    assert_eq!(stream.start_encryption("k").unwrap_err().code(), "KMSNotFoundException");
    assert_eq!(stream.describe().encryption_key, None);
}
