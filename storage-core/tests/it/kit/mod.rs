//! What the tests share: a store whose clock, chance and backend are under their control.

mod sealer;
mod spy;

pub(crate) use sealer::ToySealer;
pub(crate) use spy::{Call, SpyBackend};

use cistern_storage_core::{
    Bucket, BucketOptions, BucketStats, ClassStats, GetOptions, ObjectInfo, ObjectLockConfig,
    Result, Settings, StorageClass, Store, Timestamp, VersionId, Versioning,
    port::{ManualClock, SeededEntropy},
};
use std::{fmt::Debug, sync::Arc, time::Duration};

/// When the tests begin.
pub(crate) const START: &str = "2026-01-02T03:04:05.678Z";

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso8601(text).unwrap()
}

/// A store over the spying backend.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) backend: Arc<SpyBackend>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::new(), None)
    }

    pub(crate) fn sealed(sealer: &Arc<ToySealer>) -> Self {
        Self::with(Settings::new(), Some(Arc::clone(sealer)))
    }

    pub(crate) fn with(settings: Settings, sealer: Option<Arc<ToySealer>>) -> Self {
        let clock = Arc::new(ManualClock::new(at(START)));
        let backend = Arc::new(SpyBackend::new());
        let mut builder = Store::builder(Arc::clone(&backend) as _)
            .clock(Arc::clone(&clock) as _)
            .entropy(Arc::new(SeededEntropy::new(1)))
            .settings(settings);
        if let Some(sealer) = sealer {
            builder = builder.sealer(sealer);
        }
        let store = builder.build().unwrap();
        // The first write reserves sequence numbers in a commit of its own, which no trap is for.
        let warm = store.create_bucket("warm-up").unwrap();
        warm.put("k", "x").unwrap();
        warm.delete("k").unwrap();
        store.delete_bucket("warm-up").unwrap();
        Self { store, clock, backend }
    }

    /// The same bytes, opened again.
    pub(crate) fn reopened(&self, sealer: Option<Arc<ToySealer>>) -> Store {
        let mut builder = Store::builder(Arc::clone(&self.backend) as _)
            .clock(Arc::clone(&self.clock) as _)
            .entropy(Arc::new(SeededEntropy::new(2)));
        if let Some(sealer) = sealer {
            builder = builder.sealer(sealer);
        }
        builder.build().unwrap()
    }

    pub(crate) fn bucket(&self, name: &str, versioning: Versioning) -> Bucket {
        let options = BucketOptions::new().versioning(versioning);
        self.store.create_bucket_with(name, options).unwrap()
    }

    pub(crate) fn locked(&self, name: &str, lock: ObjectLockConfig) -> Bucket {
        self.store.create_bucket_with(name, BucketOptions::new().object_lock(lock)).unwrap()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A bucket of its own store.
pub(crate) fn bucket(versioning: Versioning) -> Bucket {
    World::new().bucket("test", versioning)
}

pub(crate) fn body_of(bucket: &Bucket, key: &str, version: Option<VersionId>) -> String {
    let mut options = GetOptions::new();
    if let Some(version) = version {
        options = options.version(version);
    }
    bucket.get_with(key, &options).unwrap().text().unwrap()
}

/// The stack of a key, newest first: `null:C`, `1:B`, `null DM`. Stamped versions are numbered from
/// the oldest.
pub(crate) fn stack(bucket: &Bucket, key: &str) -> Vec<String> {
    let all: Vec<ObjectInfo> = bucket.list_versions(key).map(Result::unwrap).collect();
    let versions: Vec<_> = all.iter().filter(|info| *info.key() == *key).collect();
    for (nth, info) in versions.iter().enumerate() {
        assert_eq!(info.is_latest(), nth == 0);
    }
    assert!(versions.is_sorted_by(|newer, older| newer.sequence() > older.sequence()));
    let stamped = versions.iter().filter(|info| !info.version().is_null()).count();
    let mut number = stamped + 1;
    let mut name = |info: &ObjectInfo| {
        if info.version().is_null() {
            return "null".to_owned();
        }
        number -= 1;
        number.to_string()
    };
    versions
        .iter()
        .map(|info| match (name(info), info.is_delete_marker()) {
            (name, true) => format!("{name} DM"),
            (name, false) => format!("{name}:{}", body_of(bucket, key, Some(info.version()))),
        })
        .collect()
}

/// Everything that can be seen of a bucket but its bytes.
pub(crate) fn dump(bucket: &Bucket) -> (Vec<ObjectInfo>, BucketStats) {
    (bucket.list_versions("").map(Result::unwrap).collect(), bucket.stats().unwrap())
}

/// The call fails as it should, and leaves everything as it was.
#[track_caller]
pub(crate) fn refused<T: Debug>(bucket: &Bucket, code: &str, call: impl FnOnce() -> Result<T>) {
    let before = dump(bucket);
    let error = call().expect_err(code);
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(dump(bucket), before, "a refused call changed something");
}

/// The counters are what counting gives.
#[track_caller]
pub(crate) fn check_stats(bucket: &Bucket) {
    let (versions, stats) = dump(bucket);
    for class in StorageClass::ALL {
        let mut counted = ClassStats::default();
        for info in &versions {
            if info.is_delete_marker() {
                counted.delete_markers += u64::from(class == StorageClass::Standard);
            } else if info.storage_class() == class && info.is_latest() {
                counted.objects += 1;
                counted.object_bytes += info.size();
            } else if info.storage_class() == class {
                counted.noncurrent += 1;
                counted.noncurrent_bytes += info.size();
            }
        }
        assert_eq!(stats.class(class), counted, "{class}");
    }
}

/// Bytes that are different everywhere.
pub(crate) fn pattern(len: usize, seed: u8) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}
