//! Encryption at rest as an application sees it: what a thief of the files finds, and what its own
//! mistakes with keys are answered with.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what a test does not expect ends it, in its helpers too; a thief opens files"
)]

use cistern::{
    Body, Cistern, Error, MemoryBackend, Part, RewrapCursor, Upload,
    crypto::{Key256, KeyMemory, KeyRing, KeyState, RootKey, StoreSealer},
    port::{ManualClock, SealError, SeededEntropy},
    stream::{self, StartAt},
    verify,
};
use cistern_conformance::{ReferenceBackend, backend::Fixture, model};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

const SECRET: &str = "the cellar key lies under the third stone";

fn root(seed: u64) -> RootKey {
    RootKey::new(Key256::generate(&SeededEntropy::new(seed)))
}

fn encrypted(path: &Path) -> Cistern {
    Cistern::builder().disk(path).encrypt().build().unwrap()
}

/// The key that an error names.
#[track_caller]
fn key_of(error: &Error) -> &str {
    match error {
        Error::Seal(SealError::NoKey { key, .. }) => key,
        other => panic!("{other:?} names no key"),
    }
}

/// The error with its causes.
fn told(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    format!("{error}: {}", cause.map(ToString::to_string).unwrap_or_default())
}

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all_files(&path, found) } else { found.push(path) }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Bodies of every kind: in a row, in the log, in a file of its own, in parts, copied, renamed,
/// longer by an append.
fn fill(cistern: &Cistern) -> (Upload, Part) {
    let bucket = cistern.create_bucket("bucket").unwrap();
    bucket.put("row", SECRET).unwrap();
    bucket.put("log", SECRET.repeat(2_000)).unwrap();
    bucket.put("file", SECRET.repeat(200_000)).unwrap();
    bucket.copy("log", "copied").unwrap();
    bucket.copy("row", "renamed-from").unwrap();
    bucket.rename("renamed-from", "renamed").unwrap();
    bucket.append("renamed", SECRET.len() as u64, SECRET).unwrap();
    let upload = bucket.create_upload("parts").unwrap();
    let first = upload.put_part(1, SECRET.repeat(150_000)).unwrap();
    let last = upload.put_part(2, SECRET).unwrap();
    upload.complete(&[first.into(), last.into()]).unwrap();
    let begun = bucket.create_upload("begun").unwrap();
    let part = begun.put_part(7, SECRET.repeat(300)).unwrap();
    let stream = cistern.create_stream("stream", 1).unwrap();
    stream.start_encryption("alias/aws/kinesis").unwrap();
    stream.put("k", SECRET).unwrap();
    stream.put("k", SECRET.repeat(10_000)).unwrap();
    (begun, part)
}

fn check_filled(cistern: &Cistern) {
    let bucket = cistern.bucket("bucket").unwrap();
    let repeats = [
        ("row", 1),
        ("log", 2_000),
        ("file", 200_000),
        ("copied", 2_000),
        ("renamed", 2),
        ("parts", 150_001),
    ];
    for (key, repeats) in repeats {
        let body = SECRET.repeat(repeats);
        assert!(bucket.get(key).unwrap().bytes().unwrap() == body, "{key}");
        let range = 3..body.len() as u64 - 2;
        let wanted = &body[3..body.len() - 2];
        assert!(bucket.get_range(key, range).unwrap() == wanted, "{key}");
    }
    let read = cistern.stream("stream").unwrap().read(StartAt::TrimHorizon).unwrap();
    let records: Vec<_> = read.map(|record| record.unwrap().data).collect();
    assert!(records == [SECRET.to_owned(), SECRET.repeat(10_000)]);
}

#[test]
fn no_file_of_an_encrypted_store_holds_plain_bytes_and_all_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let cistern = encrypted(&path);
    fill(&cistern);
    check_filled(&cistern);
    cistern.close().unwrap();
    drop(cistern);

    let mut files = Vec::new();
    all_files(folder.path(), &mut files);
    assert!(files.len() > 5, "{files:?}");
    let mut bytes_read = 0;
    for file in &files {
        let bytes = fs::read(file).unwrap();
        bytes_read += bytes.len();
        assert!(!holds(&bytes, &SECRET[4..20]), "{}", file.display());
    }
    assert!(bytes_read > 14_000_000, "the bodies are not in what was searched");
    check_filled(&encrypted(&path));
    assert_eq!(verify(&path).unwrap(), []);

    // The same search finds them in a store that is not encrypted.
    let plain = folder.path().join("plain");
    Cistern::open(&plain).unwrap().create_bucket("cats").unwrap().put("k", SECRET).unwrap();
    let mut files = Vec::new();
    all_files(&plain, &mut files);
    assert!(files.iter().any(|file| holds(&fs::read(file).unwrap(), &SECRET[4..20])));
}

#[cfg(unix)]
#[test]
fn the_files_of_keys_lie_beside_the_store_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(encrypted(&path));
    for name in ["store.root-key", "store.keyring"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let ring = folder.path().join("store.keyring");
    fs::set_permissions(&ring, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = Cistern::builder().disk(&path).encrypt().build().unwrap_err();
    assert!(told(&refused).contains("make it 600"), "{refused}");
}

#[test]
fn without_keys_no_body_is_read_or_written_and_the_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let cistern = encrypted(&path);
    fill(&cistern);
    cistern.keys().unwrap().rotate().unwrap();
    cistern.bucket("bucket").unwrap().put("later", SECRET).unwrap();
    cistern.close().unwrap();
    drop(cistern);

    let blind = Cistern::open(&path).unwrap();
    let bucket = blind.bucket("bucket").unwrap();
    for (key, sealed_under) in [
        ("row", "store key 1"),
        ("log", "store key 1"),
        ("file", "store key 1"),
        ("parts", "store key 1"),
        ("later", "store key 2"),
    ] {
        assert_eq!(bucket.head(key).unwrap().key().as_str(), key);
        let refused = bucket.get(key).and_then(|object| object.bytes()).unwrap_err();
        assert_eq!(key_of(&refused), sealed_under, "{key}");
        let refused = bucket.get_range(key, 0..4).unwrap_err();
        assert_eq!(key_of(&refused), sealed_under, "{key}");
    }
    assert_eq!(key_of(&bucket.put("new", SECRET).unwrap_err()), "current store key");
    assert_eq!(key_of(&bucket.copy("row", "new").unwrap_err()), "store key 1");
    assert!(bucket.head("new").is_err(), "nothing was written");
    bucket.delete("later").unwrap();
    let read = blind.stream("stream").unwrap().read(StartAt::TrimHorizon);
    let refused = read.and_then(|mut read| read.next().unwrap()).unwrap_err();
    assert!(matches!(refused, stream::Error::Sealing { .. }), "{refused:?}");
    assert_eq!(key_of(&blind.keys().unwrap_err()), "key ring");
    drop((bucket, blind));

    let reader = Cistern::builder().disk_read_only(&path).encrypt().build().unwrap();
    check_filled(&reader);
}

#[test]
fn a_wrong_root_key_a_lost_ring_and_the_ring_of_another_store_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let [path, other] = ["store", "other"].map(|name| folder.path().join(name));
    let open = |path: &Path, seed| Cistern::builder().disk(path).encrypt_with(root(seed)).build();
    for path in [&path, &other] {
        let bucket = open(path, 1).unwrap().create_bucket("cats").unwrap();
        bucket.put("k", SECRET).unwrap();
    }
    let refused = open(&path, 2).unwrap_err();
    assert_eq!(key_of(&refused), format!("root key {}", root(1).id()));
    assert!(told(&refused).contains(&root(2).id().to_string()), "{refused}");

    let ring = |name| folder.path().join(format!("{name}.keyring"));
    let kept = fs::read(ring("store")).unwrap();
    fs::copy(ring("other"), ring("store")).unwrap();
    let refused = open(&path, 1).unwrap_err();
    assert!(told(&refused).contains("another store"), "{refused}");
    fs::remove_file(ring("store")).unwrap();
    let refused = open(&path, 1).unwrap_err();
    assert!(told(&refused).contains("not where it is looked for"), "{refused}");
    assert!(!ring("store").exists(), "no new ring hides that the old one is lost");

    fs::copy(ring("other"), ring("store")).unwrap();
    fs::write(ring("store"), kept).unwrap();
    let bucket = open(&path, 1).unwrap().bucket("cats").unwrap();
    assert_eq!(bucket.get("k").unwrap().text().unwrap(), SECRET);
}

#[test]
fn a_lost_root_key_is_not_replaced_by_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    drop(encrypted(&path));
    let file = folder.path().join("store.root-key");
    fs::remove_file(&file).unwrap();
    let refused = Cistern::builder().disk(&path).encrypt().build().unwrap_err();
    assert_eq!(key_of(&refused), "root key");
    assert!(!file.exists());
}

#[test]
fn what_was_there_before_encryption_stays_readable_beside_what_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let plain = Cistern::open(&path).unwrap();
    plain.create_bucket("cats").unwrap().put("plain", "meow").unwrap();
    drop(plain);
    let bucket = encrypted(&path).bucket("cats").unwrap();
    bucket.put("sealed", SECRET).unwrap();
    assert_eq!(bucket.get("plain").unwrap().text().unwrap(), "meow");
    assert_eq!(bucket.get("sealed").unwrap().text().unwrap(), SECRET);
    drop(bucket);
    let blind = Cistern::open(&path).unwrap().bucket("cats").unwrap();
    assert_eq!(blind.get("plain").unwrap().text().unwrap(), "meow");
    assert!(blind.get("sealed").is_err());
}

#[test]
fn keys_are_listed_rotated_and_destroyed_and_the_root_key_changes() {
    let (backend, storage) = (Arc::new(MemoryBackend::new()), Arc::new(KeyMemory::new()));
    let open = |seed| {
        let builder = Cistern::builder().backend(backend.clone()).key_storage(storage.clone());
        builder.encrypt_with(root(seed)).build()
    };
    let cistern = open(1).unwrap();
    let bucket = cistern.create_bucket("cats").unwrap();
    let keys = cistern.keys().unwrap();
    bucket.put("old", SECRET).unwrap();
    let first = keys.current();
    assert_eq!(key_of(&keys.destroy(first).unwrap_err()), "store key 1");
    let second = keys.rotate().unwrap();
    bucket.put("new", SECRET).unwrap();
    keys.change_root(&root(2)).unwrap();
    assert!(open(1).is_err());

    let bucket = open(2).unwrap().bucket("cats").unwrap();
    for key in ["old", "new"] {
        assert_eq!(bucket.get(key).unwrap().text().unwrap(), SECRET);
    }
    let cistern = open(2).unwrap();
    let keys = cistern.keys().unwrap();
    keys.destroy(first).unwrap();
    let states: Vec<_> = keys.list().iter().map(|key| (key.id, key.state)).collect();
    assert_eq!(states, [(first, KeyState::Destroyed), (second, KeyState::Current)]);
    let bucket = cistern.bucket("cats").unwrap();
    assert_eq!(key_of(&bucket.get("old").unwrap_err()), "store key 1");
    assert_eq!(bucket.get("new").unwrap().text().unwrap(), SECRET);
}

#[test]
fn a_backend_of_ones_own_brings_a_place_for_its_keys() {
    let backend = Arc::new(MemoryBackend::new());
    let refused = Cistern::builder().backend(backend).encrypt_with(root(1)).build().unwrap_err();
    assert_eq!(key_of(&refused), "key ring");
}

fn sealer() -> Arc<StoreSealer> {
    let (entropy, clock) = (SeededEntropy::new(1), ManualClock::new(Default::default()));
    let ring = KeyRing::open(&root(1), Arc::new(KeyMemory::new()), &entropy, &clock).unwrap();
    Arc::new(StoreSealer::new(Arc::new(ring)).entropy(Arc::new(entropy)))
}

#[test]
fn an_encrypted_store_in_memory_behaves_like_the_model() {
    let sealer = sealer();
    let fixture = || Fixture::new(Arc::new(MemoryBackend::new())).sealed_by(sealer.clone());
    model::run(fixture, 128);
}

#[test]
fn an_encrypted_store_that_loses_power_behaves_like_the_model() {
    let sealer = sealer();
    let fixture = || {
        let backend = ReferenceBackend::durable();
        let (medium, failing) = (backend.medium(), backend.medium());
        Fixture::new(Arc::new(backend))
            .reopened_by(move || Arc::new(ReferenceBackend::open(medium.clone())))
            .power_cut_by(move || {
                failing.cut_power();
                Arc::new(ReferenceBackend::open(failing.clone()))
            })
            .sealed_by(sealer.clone())
    };
    model::run(fixture, 48);
}

#[test]
fn a_body_from_a_reader_is_sealed_as_it_comes() {
    let cistern = Cistern::builder().memory().encrypt().build().unwrap();
    let bucket = cistern.create_bucket("cats").unwrap();
    let text = SECRET.repeat(100_000);
    bucket.put("k", Body::reader(std::io::Cursor::new(text.clone()))).unwrap();
    assert!(bucket.get("k").unwrap().bytes().unwrap() == text);
}

/// Goes on from the text of every cursor; how many rows were rewrapped.
fn rewrap(cistern: &Cistern, rows_at_once: usize) -> u64 {
    let (mut next, mut rewrapped, mut steps) = (Some(RewrapCursor::start()), 0, 0);
    while let Some(cursor) = next {
        let kept: RewrapCursor = cursor.to_string().parse().unwrap();
        assert_eq!(kept, cursor);
        let step = cistern.rewrap(&kept, rows_at_once).unwrap();
        assert!(step.seen <= rows_at_once as u64);
        rewrapped += step.rewrapped;
        next = step.next;
        steps += 1;
        assert!(steps < 1000, "a pass ends");
    }
    rewrapped
}

#[test]
fn after_a_pass_of_rewrapping_the_old_key_is_needed_by_nothing() {
    for rows_at_once in [1, 3, 1000] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let cistern = encrypted(&path);
        let versioned = cistern.create_bucket("versioned").unwrap();
        versioned.set_versioning(cistern::Versioning::Enabled).unwrap();
        let old_version = versioned.put("k", SECRET).unwrap().version;
        versioned.put("k", SECRET.repeat(500)).unwrap();
        let (begun, part) = fill(&cistern);
        let blobs = bytes_of_blobs(&path);

        let keys = cistern.keys().unwrap();
        let old = keys.current();
        let new = keys.rotate().unwrap();
        // 6 objects, 2 versions, the part of an upload, 2 chunks of records.
        assert_eq!(rewrap(&cistern, rows_at_once), 11, "{rows_at_once} at once");
        assert_eq!(rewrap(&cistern, rows_at_once), 0, "a second pass has nothing to do");
        assert_eq!(bytes_of_blobs(&path), blobs, "no body is touched");
        keys.destroy(old).unwrap();
        check_filled(&cistern);
        let options = cistern::GetOptions::new().version(old_version.unwrap());
        let found = versioned.get_with("k", &options).unwrap();
        assert_eq!(found.text().unwrap(), SECRET);
        begun.complete(&[part.into()]).unwrap();
        let found = begun.bucket().get("begun").unwrap();
        assert!(found.text().unwrap() == SECRET.repeat(300));
        cistern.close().unwrap();
        drop((cistern, versioned, begun, keys));

        let again = encrypted(&path);
        assert_eq!(again.keys().unwrap().current(), new);
        check_filled(&again);
    }
}

/// The files of large bodies.
fn bytes_of_blobs(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    all_files(&path.join("blobs"), &mut files);
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

#[test]
fn a_body_of_more_parts_than_a_row_holds_is_rewrapped() {
    let cistern = Cistern::builder().memory().encrypt().build().unwrap();
    let bucket = cistern.create_bucket("bucket").unwrap();
    bucket.put("k", SECRET.repeat(10_000)).unwrap();
    let mut length = bucket.head("k").unwrap().size();
    for _ in 0..8 {
        bucket.append("k", length, SECRET.repeat(3_000)).unwrap();
        length = bucket.head("k").unwrap().size();
    }
    let keys = cistern.keys().unwrap();
    let old = keys.current();
    keys.rotate().unwrap();
    assert_eq!(rewrap(&cistern, 10), 1);
    keys.destroy(old).unwrap();
    assert!(bucket.get("k").unwrap().text().unwrap() == SECRET.repeat(34_000));
}

#[test]
fn a_text_that_is_no_cursor_is_refused() {
    for text in ["", "rewrap-1-0", "rewrap-1-zz", "rewrap-2-00", "00"] {
        assert!(text.parse::<RewrapCursor>().is_err(), "{text}");
    }
    let plain = Cistern::in_memory();
    assert_eq!(key_of(&plain.rewrap(&RewrapCursor::start(), 1).unwrap_err()), "key ring");
}
