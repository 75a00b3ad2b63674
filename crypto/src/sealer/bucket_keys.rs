//! Bucket keys: data keys that serve a bucket for a while, so that not every object asks the key service.

use super::wrapping::WithKey;
use crate::{envelope::KmsReference, xaes::WrappingKey};
use cistern_storage_core::Timestamp;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// How long a bucket key is used before the key service is asked again.
///
/// S3 says no number. A key that is disabled, or whose policy changes, is forgotten at once here.
pub const BUCKET_KEY_LIFE: Duration = Duration::from_secs(300);

/// More than so many are not kept of either kind.
const KEPT_MAX: usize = 1024;

/// The keys in use. By requester: who may not ask the key service for a key does not get it from here.
#[derive(Default)]
pub(super) struct BucketKeys {
    writing: Mutex<HashMap<String, Kept<WithKey>>>,
    reading: Mutex<HashMap<ReadingPlace, Kept<Arc<WrappingKey>>>>,
}

/// The requester, and what he wants opened.
type ReadingPlace = (String, Vec<u8>);

#[derive(Clone)]
struct Kept<T> {
    what: T,
    until: Timestamp,
    generation: u64,
}

impl<T> Kept<T> {
    fn is_good(&self, now: Timestamp, generation: u64) -> bool {
        // A clock that went back makes no key live longer than its life.
        let life = self.until.millis_since(now);
        let most = i64::try_from(BUCKET_KEY_LIFE.as_millis()).unwrap_or(i64::MAX);
        0 < life && life <= most && self.generation == generation
    }
}

impl BucketKeys {
    pub(super) fn writing(&self, place: &str, now: Timestamp, generation: u64) -> Option<WithKey> {
        let kept = self.writing.lock();
        kept.get(place).filter(|kept| kept.is_good(now, generation)).map(|kept| kept.what.clone())
    }

    pub(super) fn keep_writing(
        &self,
        place: String,
        now: Timestamp,
        generation: u64,
        key: &WithKey,
    ) {
        keep(&mut self.writing.lock(), place, now, generation, key.clone());
    }

    pub(super) fn reading(
        &self,
        principal: &str,
        kms: &KmsReference,
        now: Timestamp,
        generation: u64,
    ) -> Option<Arc<WrappingKey>> {
        let kept = self.reading.lock();
        let found = kept.get(&(principal.to_owned(), place_of(kms)));
        found.filter(|kept| kept.is_good(now, generation)).map(|kept| Arc::clone(&kept.what))
    }

    pub(super) fn keep_reading(
        &self,
        principal: &str,
        kms: &KmsReference,
        now: Timestamp,
        generation: u64,
        key: &Arc<WrappingKey>,
    ) {
        let place = (principal.to_owned(), place_of(kms));
        keep(&mut self.reading.lock(), place, now, generation, Arc::clone(key));
    }
}

/// The ciphertext and the context that opens it: with another one the key service would refuse.
fn place_of(kms: &KmsReference) -> Vec<u8> {
    [&kms.ciphertext[..], &kms.context.canonical(), kms.arn.as_bytes()].concat()
}

fn keep<K: Eq + std::hash::Hash, T>(
    map: &mut HashMap<K, Kept<T>>,
    place: K,
    now: Timestamp,
    generation: u64,
    what: T,
) {
    if map.len() >= KEPT_MAX {
        map.retain(|_, kept| kept.is_good(now, generation));
    }
    if map.len() >= KEPT_MAX {
        map.clear();
    }
    map.insert(place, Kept { what, until: now.plus(BUCKET_KEY_LIFE), generation });
}
