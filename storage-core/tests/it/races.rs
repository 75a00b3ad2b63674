//! Many threads on few keys: nothing is lost, nothing is counted wrong, nothing leaks.

use crate::kit::{World, check_stats, pattern};
use cistern_storage_core::{
    Bucket, CopyOptions, CopySource, Error, GetOptions, RenameOptions, RenameTarget, Result,
    Versioning,
};
use std::collections::BTreeSet;

const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const THREADS: u64 = 4;
const OPERATIONS: usize = 800;

/// Small numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn key(&mut self) -> &'static str {
        KEYS[usize::try_from(self.roll(4)).unwrap()]
    }
}

/// A body that tells its own length, small or large.
fn body(dice: &mut Dice) -> Vec<u8> {
    let size =
        usize::try_from(if dice.roll(2) == 0 { dice.roll(100) } else { 4200 + dice.roll(3000) });
    let size = size.unwrap();
    pattern(size, u8::try_from(size % 251).unwrap())
}

fn act(bucket: &Bucket, dice: &mut Dice) -> Result<()> {
    let (key, other) = (dice.key(), dice.key());
    match dice.roll(11) {
        0..=3 => bucket.put(key, body(dice)).map(drop),
        4 => bucket.delete(key).map(drop),
        5 | 6 => {
            let versions: Vec<_> = bucket.list_versions(key).collect::<Result<_>>()?;
            let Some(last) = u64::try_from(versions.len()).ok().filter(|&len| len > 0) else {
                return Ok(());
            };
            // Mostly the newest ones, so that others take their place.
            let nth = dice.roll(last.min(3));
            let info = &versions[usize::try_from(nth).unwrap()];
            bucket.delete_version(info.key(), info.version()).map(drop)
        }
        7 => bucket.copy(key, other).map(drop),
        8 => {
            let versions: Vec<_> = bucket.list_versions(key).collect::<Result<_>>()?;
            let Some(oldest) = versions.last() else { return Ok(()) };
            let source = CopySource::new(bucket, key)?.version(oldest.version());
            bucket.copy_with(&source, other, &CopyOptions::new()).map(drop)
        }
        9 => {
            let tags = [("t", dice.roll(10).to_string())].try_into()?;
            bucket.set_object_tags(key, None, &tags).map(drop)
        }
        _ => {
            let any = RenameOptions::new().target(RenameTarget::Any);
            bucket.rename_with(key, other, &any).map(drop)
        }
    }
}

/// Refusals that are right when others act at the same time.
fn is_legal(error: &Error) -> bool {
    matches!(error.code(), "NoSuchKey" | "NoSuchVersion" | "InvalidRequest" | "MethodNotAllowed")
}

#[test]
fn threads_on_the_same_keys_leave_a_store_that_adds_up() {
    for versioning in [Versioning::Enabled, Versioning::Suspended, Versioning::Unversioned] {
        let world = World::new();
        let bucket = world.bucket("test", versioning);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let bucket = bucket.clone();
                scope.spawn(move || {
                    let mut dice = Dice(thread + 1);
                    for _ in 0..OPERATIONS {
                        if let Err(error) = act(&bucket, &mut dice) {
                            assert!(is_legal(&error), "{error}");
                        }
                        let key = dice.key();
                        match bucket.get(key).and_then(|object| object.bytes()) {
                            Ok(bytes) => check_body(&bytes),
                            Err(error) => assert_eq!(error.code(), "NoSuchKey"),
                        }
                    }
                });
            }
        });
        check_stats(&bucket);
        world.backend.check_no_leak();
        check_versions(&bucket);
        for info in bucket.list_versions("").map(Result::unwrap).collect::<Vec<_>>() {
            bucket.delete_version(info.key(), info.version()).unwrap();
        }
        check_stats(&bucket);
        world.backend.check_no_leak();
        assert_eq!(world.backend.owned(), (0, 0));
        world.store.delete_bucket("test").unwrap();
    }
}

fn check_body(bytes: &[u8]) {
    let seed = u8::try_from(bytes.len() % 251).unwrap();
    assert_eq!(bytes, pattern(bytes.len(), seed), "bytes of two versions are mixed");
}

/// Every version is there once, readable, in order, and the current one is the newest.
fn check_versions(bucket: &Bucket) {
    let versions: Vec<_> = bucket.list_versions("").map(Result::unwrap).collect();
    let mut seen = BTreeSet::new();
    for pair in versions.windows(2) {
        let in_order = pair[0].key() < pair[1].key()
            || (pair[0].key() == pair[1].key() && pair[0].sequence() > pair[1].sequence());
        assert!(in_order);
        assert_eq!(pair[1].is_latest(), pair[0].key() != pair[1].key());
    }
    for info in &versions {
        assert!(seen.insert((info.key().clone(), info.version().to_string())));
        if !info.is_delete_marker() {
            let options = GetOptions::new().version(info.version());
            check_body(&bucket.get_with(info.key(), &options).unwrap().bytes().unwrap());
        }
    }
}
