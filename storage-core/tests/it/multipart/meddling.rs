//! What happens when somebody else acts at the worst moment, which a backend picks for us.

use super::*;
use cistern_storage_core::port::{
    Backend, BackendError, BackendStats, Batch, Blob, BlobRef, BlobSource, BlobWritten,
    Capabilities, CommitError, Durability, KeyRange, Order, Position, Row, Ticket, Value, Visit,
};

/// The in-memory backend, which once does something else first.
#[derive(Default)]
struct Meddling {
    inner: MemoryBackend,
    before_commit: Mutex<Option<Act>>,
    before_scan: Mutex<Option<Act>>,
    discarded: Mutex<Vec<BlobRef>>,
}

type Act = Box<dyn FnOnce() + Send>;

impl std::fmt::Debug for Meddling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meddling")
    }
}

impl Meddling {
    fn before_commit<T>(&self, act: impl FnOnce() -> T + Send + 'static) {
        *self.before_commit.lock() = Some(Box::new(|| drop(act())));
    }

    fn before_scan<T>(&self, act: impl FnOnce() -> T + Send + 'static) {
        *self.before_scan.lock() = Some(Box::new(|| drop(act())));
    }
}

fn meddle(act: &Mutex<Option<Act>>) {
    // Taken out first: the act uses the backend too.
    let act = act.lock().take();
    if let Some(act) = act {
        act();
    }
}

impl Backend for Meddling {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn write_blob(&self, source: &mut dyn BlobSource) -> Result<BlobWritten, BackendError> {
        self.inner.write_blob(source)
    }

    fn open_blob(&self, blob: &BlobRef) -> Result<Arc<dyn Blob>, BackendError> {
        self.inner.open_blob(blob)
    }

    fn discard_blob(&self, blob: &BlobRef) {
        self.discarded.lock().push(*blob);
        self.inner.discard_blob(blob);
    }

    fn row(&self, key: &[u8]) -> Result<Option<Value>, BackendError> {
        self.inner.row(key)
    }

    fn scan(
        &self,
        range: KeyRange<'_>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, BackendError> {
        meddle(&self.before_scan);
        self.inner.scan(range, order, limit)
    }

    fn walk(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), BackendError> {
        meddle(&self.before_scan);
        self.inner.walk(range, visit)
    }

    fn counter(&self, key: &[u8]) -> i64 {
        self.inner.counter(key)
    }

    fn counters(&self, prefix: &[u8]) -> Vec<(Bytes, i64)> {
        self.inner.counters(prefix)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, CommitError> {
        meddle(&self.before_commit);
        self.inner.commit(batch)
    }

    fn flush(&self, durability: Durability) -> Result<(), BackendError> {
        self.inner.flush(durability)
    }

    fn position(&self) -> Position {
        self.inner.position()
    }

    fn stats(&self) -> BackendStats {
        self.inner.stats()
    }

    fn close(&self) -> Result<(), BackendError> {
        self.inner.close()
    }
}

struct Scene {
    backend: Arc<Meddling>,
    store: Store,
    bucket: Bucket,
    upload: Upload,
}

fn scene() -> Scene {
    let backend = Arc::new(Meddling::default());
    let builder = Store::builder(backend.clone()).settings(small_parts(EtagMode::Md5));
    let store = builder.build().unwrap();
    let bucket = store.create_bucket("test").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    Scene { backend, store, bucket, upload }
}

#[test]
fn a_part_that_comes_in_during_completion_is_given_up() {
    for number in [1, 3, 9] {
        let Scene { backend, store, bucket, upload } = scene();
        let parts = [2, 4].map(|number| upload.put_part(number, "12345").unwrap().into());
        let late = upload.clone();
        backend.before_commit(move || late.put_part(number, vec![0; 1_000]));
        upload.complete(&parts).unwrap();
        assert_eq!(live_bytes(&store), 10);
        check_body(&bucket, "k", "1234512345");
        let stats = bucket.stats().unwrap().total();
        assert_eq!((stats.uploads, stats.upload_bytes), (0, 0));
    }
}

#[test]
fn a_part_replaced_during_completion_is_not_completed() {
    let Scene { backend, store, upload, .. } = scene();
    let parts = [upload.put_part(1, "first").unwrap().into()];
    let other = upload.clone();
    backend.before_commit(move || other.put_part(1, "other"));
    check_fails(upload.complete(&parts), "InvalidPart");
    assert_eq!((upload.parts().count(), live_bytes(&store)), (1, 5));
}

#[test]
fn a_part_that_comes_in_during_an_abort_is_given_up() {
    let Scene { backend, store, bucket, upload } = scene();
    upload.put_part(1, "12345").unwrap();
    let late = upload.clone();
    backend.before_commit(move || late.put_part(2, vec![0; 1_000]));
    upload.abort().unwrap();
    assert_eq!(live_bytes(&store), 0);
    assert_eq!(bucket.stats().unwrap().total().upload_bytes, 0);
}

#[test]
fn a_part_whose_upload_ends_before_its_commit_is_given_up() {
    let Scene { backend, store, bucket, upload } = scene();
    let other = upload.clone();
    backend.before_commit(move || other.abort().unwrap());
    check_fails(upload.put_part(1, "12345"), "NoSuchUpload");
    assert_eq!(backend.discarded.lock().len(), 1);
    assert_eq!(live_bytes(&store), 0);
    assert_eq!(bucket.stats().unwrap().total().upload_bytes, 0);
}

#[test]
fn two_bodies_of_one_part_leave_the_last() {
    let Scene { backend, store, bucket, upload } = scene();
    let other = upload.clone();
    backend.before_commit(move || other.put_part(1, "before"));
    let part = upload.put_part(1, "last").unwrap();
    assert_eq!(live_bytes(&store), 4);
    assert_eq!(bucket.stats().unwrap().total().upload_bytes, 4);
    upload.complete(&[part.into()]).unwrap();
    check_body(&bucket, "k", "last");
}

#[test]
fn a_source_overwritten_before_the_commit_is_copied_as_it_is_now() {
    let Scene { backend, store, bucket, upload } = scene();
    bucket.put("s", vec![1; 9_000]).unwrap();
    let other = bucket.clone();
    backend.before_commit(move || other.put("s", vec![2; 8_000]));
    let part = upload.copy_part(1, &source(&bucket, "s")).unwrap();
    assert_eq!(part.etag, ETag::of_bytes(&[2; 8_000]));
    assert_eq!(live_bytes(&store), 8_000);

    let other = bucket.clone();
    backend.before_commit(move || other.delete("s"));
    check_fails(upload.copy_part(1, &source(&bucket, "s")), "NoSuchKey");
    upload.complete(&[part.into()]).unwrap();
    assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), [2; 8_000][..]);
}

#[test]
fn a_part_uploaded_during_a_copy_is_no_damage_of_the_source() {
    let Scene { backend, store, bucket, upload } = scene();
    bucket.put("s", vec![1; 9_000]).unwrap();
    let (first, second) = (upload.clone(), upload.clone());
    let again = Arc::clone(&backend);
    backend.before_commit(move || {
        first.put_part(1, "one").unwrap();
        again.before_commit(move || second.put_part(1, "two"));
    });
    upload.copy_part(1, &source(&bucket, "s")).unwrap();
    assert_eq!(live_bytes(&store), 9_000);
}

// Law-test: S3, CompleteMultipartUpload, repeated.
#[test]
fn two_completions_at_once_answer_the_same() {
    let Scene { backend, bucket, upload, .. } = scene();
    let parts = put_parts(&upload, &["12345", "6"]);
    let (other, again) = (upload.clone(), parts.clone());
    backend.before_commit(move || other.complete(&again).unwrap());
    let receipt = upload.complete(&parts).unwrap();
    assert_eq!(receipt.etag, bucket.head("k").unwrap().etag());

    // The other one is done between finding the upload and reading its parts.
    let upload = bucket.create_upload("k").unwrap();
    let parts = put_parts(&upload, &["12345", "6"]);
    let (other, again) = (upload.clone(), parts.clone());
    backend.before_scan(move || other.complete(&again).unwrap());
    upload.complete(&parts).unwrap();
    let listing = bucket.create_upload("k").unwrap();
    listing.put_part(1, "x").unwrap();
    let other = listing.clone();
    backend.before_scan(move || other.abort().unwrap());
    check_fails(listing.parts_page(&ListPartsOptions::new()), "NoSuchUpload");
}

#[test]
fn a_condition_is_judged_at_the_commit() {
    let Scene { backend, bucket, upload, .. } = scene();
    let parts = put_parts(&upload, &["12345"]);
    let other = bucket.clone();
    backend.before_commit(move || other.put("k", "other"));
    let options = CompleteOptions::new().if_absent();
    check_fails(upload.complete_with(&parts, &options), "PreconditionFailed");
    check_body(&bucket, "k", "other");
    assert_eq!(upload.parts().count(), 1);
}
