//! Sealing and opening, against the bare AEAD of the same provider; and what the key service costs.
#![expect(missing_docs, reason = "criterion makes a public function of every group")]

use cistern_crypto::{
    CHUNK_BYTES, ContainerWriter, EncryptionContext, Key256, KeyMemory, KeyRing, Parallelism,
    RootKey, SealCall, StoreSealer,
    kms::{CreateKey, KeyService as _, KmsCall, LocalKms, MemoryRows},
    provider::{Provider, default_provider},
};
use cistern_storage_core::port::{OsEntropy, SealContext, SystemClock};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{hint::black_box, sync::Arc};

const LARGE: usize = 64 << 20;
/// What an ingest hands over at once.
const PIECE: usize = 1 << 20;

fn ring() -> Arc<KeyRing> {
    let root = RootKey::new(Key256::generate(&OsEntropy));
    let storage = Arc::new(KeyMemory::new());
    let ring = KeyRing::open(&root, storage, &OsEntropy, &SystemClock::default());
    Arc::new(ring.expect("memory keeps a ring"))
}

/// The AEAD alone, chunk by chunk, into buffers that are there.
fn bare(provider: &dyn Provider, plain: &[u8], sealed: &mut [u8]) {
    let cipher = provider.aes_256_gcm(&Key256::generate(&OsEntropy));
    for (number, (plain, sealed)) in
        (0_u64..).zip(plain.chunks(CHUNK_BYTES).zip(sealed.chunks_mut(CHUNK_BYTES)))
    {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        black_box(cipher.seal(&nonce, b"", plain, sealed));
    }
}

fn large(criterion: &mut Criterion) {
    let provider = default_provider();
    let plain = vec![7; LARGE];
    let mut group = criterion.benchmark_group("64 MiB, one thread");
    group.throughput(Throughput::Bytes(LARGE as u64)).sample_size(10);
    let mut out = vec![0; LARGE];
    group.bench_function("bare AEAD", |bencher| {
        bencher.iter(|| bare(&*provider, &plain, &mut out));
    });
    let sealer = StoreSealer::new(ring()).parallelism(Parallelism::Single);
    let (here, call) = (SealContext::new("bucket", "key"), SealCall::by("arn"));
    group.bench_function("seal", |bencher| {
        bencher.iter(|| {
            let mut body = sealer
                .seal_as(&here, call, &cistern_crypto::Protection::S3)
                .expect("the ring has a key");
            for piece in plain.chunks(PIECE) {
                black_box(body.update(piece).expect("sealing a piece"));
            }
            black_box(body.finish().expect("sealing the end"));
        });
    });
    let mut body =
        sealer.seal_as(&here, call, &cistern_crypto::Protection::S3).expect("the ring has a key");
    let mut sealed = body.update(&plain).expect("sealing it").to_vec();
    sealed.extend_from_slice(&body.finish().expect("sealing the end"));
    let envelope = body.envelope(&[0; 32]).expect("wrapping its key");
    let opened = sealer
        .open_as(&here, call, &envelope, &[0; 32], LARGE as u64)
        .expect("opening its envelope");
    group.bench_function("open", |bencher| {
        bencher.iter(|| {
            for start in (0..LARGE as u64).step_by(PIECE) {
                let range = start..start + PIECE as u64;
                let place = opened.sealed_range(range.clone());
                let (from, to) = (index(place.start), index(place.end));
                black_box(opened.open_range(range, &sealed[from..to]).expect("it is authentic"));
            }
        });
    });
    group.finish();
}

fn index(at: u64) -> usize {
    usize::try_from(at).expect("it is in memory")
}

fn small(criterion: &mut Criterion) {
    let sealer = StoreSealer::new(ring());
    let (here, call) = (SealContext::new("bucket", "key"), SealCall::by("arn"));
    let plain = [7; 1024];
    let seal = || {
        let mut body = sealer
            .seal_as(&here, call, &cistern_crypto::Protection::S3)
            .expect("the ring has a key");
        let mut sealed = body.update(&plain).expect("sealing it").to_vec();
        sealed.extend_from_slice(&body.finish().expect("sealing the end"));
        (sealed, body.envelope(&[0; 32]).expect("wrapping its key"))
    };
    let (sealed, envelope) = seal();
    criterion.bench_function("1 KiB, seal with envelope", |bencher| bencher.iter(seal));
    criterion.bench_function("1 KiB, open with envelope", |bencher| {
        bencher.iter(|| {
            let opened = sealer
                .open_as(&here, call, &envelope, &[0; 32], 1024)
                .expect("opening its envelope");
            black_box(opened.open_range(0..1024, &sealed).expect("it is authentic"))
        });
    });
    let key = Key256::generate(&OsEntropy);
    criterion.bench_function("1 KiB, full container", |bencher| {
        let provider = default_provider();
        bencher.iter(|| {
            let mut writer = ContainerWriter::full(&*provider, &OsEntropy, &key, b"bench");
            black_box((writer.update(&plain), writer.finish()))
        });
    });
}

fn service(criterion: &mut Criterion) {
    let kms = LocalKms::builder(ring(), Arc::new(MemoryRows::new())).open();
    let kms = kms.expect("memory keeps rows");
    let call = KmsCall::by("arn:aws:iam::000000000000:user/ann");
    let arn = kms.create_key(&call, &CreateKey::new()).expect("a key").arn;
    let context = EncryptionContext::of([("aws:s3:arn", "arn:aws:s3:::bucket/a/key")]);
    let context = context.expect("it is short");
    criterion.bench_function("GenerateDataKey", |bencher| {
        bencher.iter(|| kms.generate_data_key(&call, &arn, &context).expect("a data key"));
    });
    let made = kms.generate_data_key(&call, &arn, &context).expect("a data key");
    criterion.bench_function("Decrypt", |bencher| {
        bencher.iter(|| {
            kms.decrypt(&call, None, &context, &made.ciphertext).expect("it is authentic")
        });
    });
}

criterion_group!(benches, large, small, service);
criterion_main!(benches);
