//! Takes a body in: one pass that hashes, seals and writes it, with bounded memory.

use crate::{
    body::{Body, Chunks},
    checksum::{Checksum, ChecksumAlgorithm, Hasher, Md5, crc64_nvme, crc64_nvme_combine},
    error::{Error, Result},
    port::{BackendError, BlobRef, BlobSource, SealContext, Sealing, SourceFailed},
    row::Extent,
    store::StoreInner,
};
use bytes::{Bytes, BytesMut};
use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// What the caller wants to know of the bytes, and what it knows already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Want {
    /// The MD5 of the body.
    pub(crate) md5: bool,
    /// The MD5 that the body must have.
    pub(crate) expected_md5: Option<[u8; 16]>,
    /// The digest in this algorithm, beside the CRC-64/NVME that every body gets.
    pub(crate) algorithm: Option<ChecksumAlgorithm>,
    /// The digest that the body must have.
    pub(crate) expected: Option<Checksum>,
    /// The longest body that is taken.
    pub(crate) bytes_max: u64,
}

/// A body that is in the backend, or ready for a row, and that no commit has adopted yet.
#[derive(Debug)]
pub(crate) struct Ingested {
    pub(crate) size: u64,
    /// CRC-64/NVME of the plain bytes.
    pub(crate) crc64: u64,
    pub(crate) md5: Option<[u8; 16]>,
    /// The digest in the wanted algorithm.
    pub(crate) checksum: Option<Checksum>,
    pub(crate) place: Place,
    /// What makes the envelope, once the bytes have a version to be bound to.
    pub(crate) sealing: Option<Box<dyn Sealing>>,
    guard: Option<BlobGuard>,
}

/// Where the stored bytes are.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the row; sealed when there is a sealer.
    Inline(Bytes),
    /// In a blob of their own.
    Blob(Extent),
}

impl Ingested {
    /// The commit has adopted the blob, if there is one.
    pub(crate) fn adopted(mut self) {
        if let Some(guard) = &mut self.guard {
            guard.armed = false;
        }
    }
}

/// Gives a written blob back unless a commit took it.
#[derive(Debug)]
struct BlobGuard {
    store: Arc<StoreInner>,
    blob: BlobRef,
    armed: bool,
}

impl Drop for BlobGuard {
    fn drop(&mut self) {
        if self.armed {
            self.store.backend.discard_blob(&self.blob);
        }
    }
}

/// Takes `body` in. Bodies that the backend likes in rows become [`Place::Inline`], unless
/// `blob_always`.
pub(crate) fn ingest(
    store: &Arc<StoreInner>,
    body: Body,
    want: &Want,
    context: SealContext<'_>,
    blob_always: bool,
) -> Result<Ingested> {
    let inline_max = if blob_always { 0 } else { u64::from(store.capabilities.inline_bytes_max) };
    if let Some(len) = body.len_hint() {
        // Said to be too long: not a byte of it is written.
        check_size(len, want.bytes_max)?;
    }
    let body = match body.into_single(inline_max) {
        Ok(bytes) => return ingest_inline(store, bytes, want, context),
        Err(body) => body,
    };
    let mut chunks = body.into_chunks();
    let mut ready = VecDeque::new();
    let mut ready_bytes = 0;
    while ready_bytes <= inline_max {
        let Some(chunk) = chunks.next()? else {
            return ingest_inline(store, join(ready), want, context);
        };
        ready_bytes += chunk.len() as u64;
        check_size(ready_bytes, want.bytes_max)?;
        ready.push_back(chunk);
    }
    ingest_blob(store, Intake::new(ready, chunks, want.bytes_max), want, context)
}

fn join(mut chunks: VecDeque<Bytes>) -> Bytes {
    if chunks.len() <= 1 {
        return chunks.pop_front().unwrap_or_default();
    }
    let mut joined = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    chunks.iter().for_each(|chunk| joined.extend_from_slice(chunk));
    joined.freeze()
}

fn check_size(size: u64, max: u64) -> Result<()> {
    if size > max { Err(Error::EntityTooLarge { size, max }) } else { Ok(()) }
}

fn ingest_inline(
    store: &Arc<StoreInner>,
    bytes: Bytes,
    want: &Want,
    context: SealContext<'_>,
) -> Result<Ingested> {
    let size = bytes.len() as u64;
    check_size(size, want.bytes_max)?;
    let mut digests = Digests::new(want);
    digests.update(&bytes);
    let mut sealing = store.sealer.as_ref().map(|sealer| sealer.seal(&context)).transpose()?;
    let crc64 = crc64_nvme(&bytes);
    let place = Place::Inline(match &mut sealing {
        Some(sealing) => join([sealing.update(&bytes)?, sealing.finish()?].into()),
        None => bytes,
    });
    let (md5, checksum) = digests.finish(want, crc64)?;
    Ok(Ingested { size, crc64, md5, checksum, place, sealing, guard: None })
}

fn ingest_blob(
    store: &Arc<StoreInner>,
    mut intake: Intake,
    want: &Want,
    context: SealContext<'_>,
) -> Result<Ingested> {
    intake.sealing = store.sealer.as_ref().map(|sealer| sealer.seal(&context)).transpose()?;
    let digests = Digests::new(want);
    let large = intake.remaining().is_none_or(|left| left >= HASH_APART_BYTES_MIN);
    let mut cores = large.then(Cores::take);
    let apart = digests.are_wanted() && cores.as_mut().is_some_and(Cores::take_another);
    let (written, digests) = if apart {
        write_and_hash_apart(store, &mut intake, digests)
    } else {
        intake.digests = digests.are_wanted().then_some(digests);
        let written = store.backend.write_blob(&mut intake);
        (written, intake.digests.take().unwrap_or_default())
    };
    drop(cores);
    let written = match written {
        Ok(written) => written,
        Err(BackendError::Source) => return Err(intake.failed()),
        Err(error) => return Err(Error::backend("write the body", error)),
    };
    let guard = BlobGuard { store: Arc::clone(store), blob: written.blob, armed: true };
    let crc64 = if intake.sealing.is_some() { intake.crc64.sum() } else { written.crc64 };
    let (md5, checksum) = digests.finish(want, crc64)?;
    let place = Place::Blob(Extent {
        blob: written.blob,
        offset: 0,
        len: intake.size,
        blob_len: intake.size,
        envelope: None,
    });
    let Intake { size, sealing, .. } = intake;
    Ok(Ingested { size, crc64, md5, checksum, place, sealing, guard: Some(guard) })
}

/// From this size on, hashing runs beside writing if a core is free.
const HASH_APART_BYTES_MIN: u64 = 1 << 20;
/// What is hashed and then written, where nobody hashes apart: small enough to be in a core's cache
/// still.
const HASH_BYTES: usize = 1 << 20;
/// How many chunks the hashing may lag behind: bounds the memory of a put.
const HASH_APART_CHUNKS_MAX: usize = 8;

type Written = std::result::Result<crate::port::BlobWritten, BackendError>;

/// Hashes on a thread of its own while this one writes: MD5 is slower than the medium.
fn write_and_hash_apart(
    store: &Arc<StoreInner>,
    intake: &mut Intake,
    mut digests: Digests,
) -> (Written, Digests) {
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<Bytes>(HASH_APART_CHUNKS_MAX);
        let hashing = scope.spawn(move || {
            for chunk in receiver {
                digests.update(&chunk);
            }
            digests
        });
        intake.hashing = Some(sender);
        let line = Line(intake);
        let written = store.backend.write_blob(line.0);
        drop(line);
        let digests = hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (written, digests)
    })
}

/// The cores that one large put keeps busy, out of those that there are. Where all are busy with puts,
/// another thread for hashing would only take turns with them.
struct Cores(usize);

/// The cores that large puts keep busy, of all stores: cores belong to the process.
static CORES_BUSY: AtomicUsize = AtomicUsize::new(0);

impl Cores {
    fn take() -> Self {
        // Relaxed, here and below: a hint, which nothing is ordered by.
        CORES_BUSY.fetch_add(1, Ordering::Relaxed);
        Self(1)
    }

    /// Takes one more if there is one.
    fn take_another(&mut self) -> bool {
        // Asked once: it reads the limits of the process's control group.
        static CORES: OnceLock<usize> = OnceLock::new();
        let cores = *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
        let more = |busy| (busy < cores).then_some(busy + 1);
        let taken = CORES_BUSY.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        self.0 += usize::from(taken);
        taken
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        CORES_BUSY.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Hangs up when it is dropped, in a panic too: the hashing thread ends when nobody sends any more,
/// and the scope waits for it.
struct Line<'a>(&'a mut Intake);

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.hashing = None;
    }
}

/// The digests that a put computes on the way, apart from CRC-64/NVME.
#[derive(Default)]
pub(crate) struct Digests {
    md5: Option<Md5>,
    hasher: Option<Hasher>,
}

impl Digests {
    pub(crate) fn new(want: &Want) -> Self {
        let algorithm = want.expected.as_ref().map(Checksum::algorithm).or(want.algorithm);
        // CRC-64/NVME comes with every body.
        let algorithm = algorithm.filter(|&algorithm| algorithm != ChecksumAlgorithm::Crc64Nvme);
        Self {
            md5: (want.md5 || want.expected_md5.is_some()).then(Md5::new),
            hasher: algorithm.map(Hasher::new),
        }
    }

    fn are_wanted(&self) -> bool {
        self.md5.is_some() || self.hasher.is_some()
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
    }

    /// The digests, if they are what was expected.
    pub(crate) fn finish(
        self,
        want: &Want,
        crc64: u64,
    ) -> Result<(Option<[u8; 16]>, Option<Checksum>)> {
        let md5 = self.md5.map(Md5::finish);
        if let (Some(expected), Some(found)) = (want.expected_md5, md5) {
            Md5::check(&found, &expected)?;
        }
        let checksum = self.hasher.map(Hasher::finish);
        if let Some(expected) = &want.expected {
            checksum.unwrap_or_else(|| Checksum::of_crc64(crc64)).check(expected)?;
        }
        Ok((md5, checksum))
    }
}

/// The body as the backend pulls it: hashed and sealed on the way.
struct Intake {
    ready: VecDeque<Bytes>,
    chunks: Chunks,
    bytes_max: u64,
    size: u64,
    crc64: Crc64,
    digests: Option<Digests>,
    hashing: Option<mpsc::SyncSender<Bytes>>,
    sealing: Option<Box<dyn Sealing>>,
    sealed_all: bool,
    failed: Option<Error>,
}

/// A CRC-64/NVME that grows.
#[derive(Debug, Default)]
struct Crc64(u64);

impl Crc64 {
    fn update(&mut self, bytes: &[u8]) {
        let more = crc64_nvme(bytes);
        self.0 = crc64_nvme_combine(self.0, more, bytes.len() as u64);
    }

    fn sum(&self) -> u64 {
        self.0
    }
}

impl Intake {
    fn new(ready: VecDeque<Bytes>, chunks: Chunks, bytes_max: u64) -> Self {
        Self {
            ready,
            chunks,
            bytes_max,
            size: 0,
            crc64: Crc64::default(),
            digests: None,
            hashing: None,
            sealing: None,
            sealed_all: false,
            failed: None,
        }
    }

    fn failed(self) -> Error {
        self.failed.expect("a source that fails keeps the reason")
    }

    /// The next plain chunk, hashed.
    fn plain(&mut self) -> Result<Option<Bytes>> {
        let mut chunk = match self.ready.pop_front() {
            Some(chunk) => chunk,
            None => match self.chunks.next()? {
                Some(chunk) => chunk,
                None => return Ok(None),
            },
        };
        if let Some(digests) = &mut self.digests {
            if chunk.len() > HASH_BYTES {
                self.ready.push_front(chunk.split_off(HASH_BYTES));
            }
            digests.update(&chunk);
        }
        self.size += chunk.len() as u64;
        check_size(self.size, self.bytes_max)?;
        if let Some(hashing) = &self.hashing {
            // It ends before we do only by a panic, which joining it reports.
            hashing.send(chunk.clone()).ok();
        }
        Ok(Some(chunk))
    }

    fn next(&mut self) -> Result<Option<Bytes>> {
        let plain = self.plain()?;
        let Some(sealing) = &mut self.sealing else { return Ok(plain) };
        match plain {
            Some(chunk) => {
                self.crc64.update(&chunk);
                Ok(Some(sealing.update(&chunk)?))
            }
            None if self.sealed_all => Ok(None),
            None => {
                self.sealed_all = true;
                Ok(Some(sealing.finish()?))
            }
        }
    }
}

impl BlobSource for Intake {
    fn next_chunk(&mut self) -> std::result::Result<Option<Bytes>, SourceFailed> {
        self.next().map_err(|error| {
            self.failed = Some(error);
            SourceFailed
        })
    }

    fn remaining(&self) -> Option<u64> {
        if self.sealing.is_some() {
            return None;
        }
        let ready: u64 = self.ready.iter().map(|chunk| chunk.len() as u64).sum();
        self.chunks.remaining().map(|left| left + ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_hashed_where_it_is_written_comes_in_pieces_that_a_cache_holds() {
        let body =
            Bytes::from((0..2_500_000_u32).map(|at| at.to_le_bytes()[0]).collect::<Vec<_>>());
        let want = Want { md5: true, bytes_max: u64::MAX, ..Want::default() };
        let chunks = Body::from(body.clone()).into_chunks();
        let mut intake = Intake::new(VecDeque::new(), chunks, want.bytes_max);
        intake.digests = Some(Digests::new(&want));
        let mut found = Vec::new();
        loop {
            assert_eq!(intake.remaining(), Some((body.len() - found.len()) as u64));
            let Some(piece) = intake.next().unwrap() else { break };
            assert!(piece.len() <= HASH_BYTES);
            found.extend_from_slice(&piece);
        }
        assert!(body == found);
        let (md5, _) = intake.digests.take().unwrap().finish(&want, 0).unwrap();
        let mut whole = Md5::new();
        whole.update(&body);
        assert_eq!(md5, Some(whole.finish()));
    }

    #[test]
    fn a_core_is_taken_once_and_given_back() {
        // Other tests put as well: no more than what is certain is checked.
        let mut cores = Cores::take();
        let another = cores.take_another();
        assert_eq!(cores.0, 1 + usize::from(another));
        assert!(CORES_BUSY.load(Ordering::Relaxed) >= cores.0);
        let all: Vec<Cores> = (0..4096).map(|_| Cores::take()).collect();
        assert!(!Cores::take().take_another(), "all cores are busy");
        drop(all);
    }
}
