//! `KeyRing`: the keys of one store, wrapped under its root key.
//!
//! ```text
//!   root key --wraps--> store keys 1 2 3 .. n      n is current and wraps data keys; all the others,
//!      |                                           retired, unwrap what they wrapped
//!      +--derives--> what wraps the rows of the key service, what verifies customers' keys
//! ```
//!
//! Rotation adds a store key. Envelopes under a retired one stay readable, and are moved to the current one
//! by [`crate::StoreSealer::rewrap`], which touches no body. Once no row names a retired key it can be
//! destroyed; then whatever still named it is lost for good, and an error says which key it was.

use crate::{
    codec::{Damage, Decoder, Encoder},
    derive::hmac_sha256,
    key_storage::{KeyStorage, StorageError},
    root_key::{RootKey, RootKeyError, RootKeyId},
    secret::Key256,
    xaes::WrappingKey,
};
use cistern_storage_core::{
    Timestamp,
    port::{Clock, Entropy},
};
use parking_lot::{Mutex, RwLock};
use std::{collections::BTreeMap, fmt, sync::Arc};
use subtle::ConstantTimeEq as _;

/// The number of a store key; counts up, and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u32);

impl KeyId {
    pub(crate) fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store key {}", self.0)
    }
}

/// What a store key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyState {
    /// Wraps and unwraps.
    Current,
    /// Unwraps alone.
    Retired,
    /// Gone: its number is kept, so that it is not given out again.
    Destroyed,
}

/// What is known of a store key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Which one.
    pub id: KeyId,
    /// What it is used for.
    pub state: KeyState,
    /// Since when it is there.
    pub created: Timestamp,
}

/// Why the ring cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The root key is not the one that the ring was made with.
    #[error("the keys are wrapped under root key {wanted}, and the one given is {given}")]
    WrongRootKey {
        /// The one that is needed.
        wanted: RootKeyId,
        /// The one that is there.
        given: RootKeyId,
    },
    /// A store key that is not there.
    #[error("{id} is lost: it was destroyed, or the ring is not the one that had it")]
    LostKey {
        /// Which one.
        id: KeyId,
    },
    /// The current key cannot be destroyed.
    #[error("{id} is the current one; rotate first")]
    Current {
        /// Which one.
        id: KeyId,
    },
    /// The bytes are not those that were written.
    #[error("the key ring is damaged: {detail}")]
    Damaged {
        /// In what way.
        detail: &'static str,
    },
    /// It could not be read or written.
    #[error("the key ring cannot be kept")]
    Storage(#[source] StorageError),
    /// There is no root key.
    #[error("there is no root key")]
    Root(#[source] RootKeyError),
}

/// The keys of one store.
pub struct KeyRing {
    storage: Arc<dyn KeyStorage>,
    store: [u8; 16],
    root: RwLock<Root>,
    keys: RwLock<Keys>,
    /// Held while the ring changes, from reading its state to having saved it.
    changing: Mutex<()>,
}

/// What hangs from the root key.
struct Root {
    id: RootKeyId,
    wrap: WrappingKey,
    mac: Key256,
}

struct Keys {
    entries: BTreeMap<KeyId, Entry>,
    /// Of the key service's rows and the customers' keys: wrapped, so that another root key can come.
    inner: Inner,
}

struct Entry {
    state: KeyState,
    created: Timestamp,
    /// Not there once it was destroyed.
    key: Option<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    secret: Arc<Key256>,
    wrapping: Arc<WrappingKey>,
}

/// Two keys that last as long as the store.
#[derive(Clone)]
struct Inner {
    /// Wraps the rows of the key service.
    rows: Arc<Key256>,
    /// Of the salted check of customers' keys.
    verifier: Arc<Key256>,
}

const MAGIC: &[u8; 8] = b"CISTKEYS";
const VERSION: u32 = 1;
/// Numbers in whose place the two inner keys are bound.
const ROWS_PLACE: u32 = u32::MAX;
const VERIFIER_PLACE: u32 = u32::MAX - 1;

type Result<T> = std::result::Result<T, KeyRingError>;

impl KeyRing {
    /// Opens the ring in `storage`; makes it, with a first key, when there is none.
    ///
    /// # Errors
    /// [`KeyRingError::WrongRootKey`] when it was made under another root key.
    pub fn open(
        root: &RootKey,
        storage: Arc<dyn KeyStorage>,
        entropy: &dyn Entropy,
        clock: &dyn Clock,
    ) -> Result<Self> {
        match storage.load().map_err(KeyRingError::Storage)? {
            Some(bytes) => Self::decode(root, storage, &bytes),
            None => Self::create(root, storage, entropy, clock),
        }
    }

    fn create(
        root: &RootKey,
        storage: Arc<dyn KeyStorage>,
        entropy: &dyn Entropy,
        clock: &dyn Clock,
    ) -> Result<Self> {
        let mut store = [0; 16];
        entropy.fill(&mut store);
        let fresh = || Arc::new(Key256::generate(entropy));
        let inner = Inner { rows: fresh(), verifier: fresh() };
        let keys = Keys { entries: BTreeMap::new(), inner };
        let ring = Self {
            storage,
            store,
            root: RwLock::new(Root::new(root, &store)),
            keys: RwLock::new(keys),
            changing: Mutex::new(()),
        };
        ring.rotate(entropy, clock)?;
        Ok(ring)
    }

    /// Adds a key and makes it the current one. The one before unwraps as before.
    ///
    /// # Errors
    /// When the ring cannot be saved; then nothing has changed.
    ///
    /// # Panics
    /// After four thousand million rotations.
    pub fn rotate(&self, entropy: &dyn Entropy, clock: &dyn Clock) -> Result<KeyId> {
        let _changing = self.changing.lock();
        let mut entries = self.keys.read().copied();
        entries.values_mut().filter(|entry| entry.state == KeyState::Current).for_each(|entry| {
            entry.state = KeyState::Retired;
        });
        let next = entries.last_key_value().map_or(1, |(last, _)| last.0 + 1);
        assert!(next < VERIFIER_PLACE, "four thousand million rotations");
        let key = Some(Loaded::new(Key256::generate(entropy)));
        entries.insert(KeyId(next), Entry { state: KeyState::Current, created: clock.now(), key });
        self.replace(entries, &self.root.read(), entropy)?;
        Ok(KeyId(next))
    }

    /// Forgets a retired key. Whatever is still wrapped under it is lost for good.
    ///
    /// # Errors
    /// When it is the current key, or is not there.
    pub fn destroy(&self, id: KeyId, entropy: &dyn Entropy) -> Result<()> {
        let _changing = self.changing.lock();
        let mut entries = self.keys.read().copied();
        let entry = entries.get_mut(&id).ok_or(KeyRingError::LostKey { id })?;
        match entry.state {
            KeyState::Current => return Err(KeyRingError::Current { id }),
            KeyState::Destroyed => return Err(KeyRingError::LostKey { id }),
            KeyState::Retired => (entry.state, entry.key) = (KeyState::Destroyed, None),
        }
        self.replace(entries, &self.root.read(), entropy)
    }

    /// Wraps all keys under another root key. No envelope and no body changes.
    ///
    /// # Errors
    /// When the ring cannot be saved; then the old root key still holds.
    pub fn change_root(&self, root: &RootKey, entropy: &dyn Entropy) -> Result<()> {
        let _changing = self.changing.lock();
        let entries = self.keys.read().copied();
        let root = Root::new(root, &self.store);
        self.replace(entries, &root, entropy)?;
        *self.root.write() = root;
        Ok(())
    }

    /// What is known of every key, the oldest first.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyInfo> {
        let info = |(&id, entry): (&KeyId, &Entry)| KeyInfo {
            id,
            state: entry.state,
            created: entry.created,
        };
        self.keys.read().entries.iter().map(info).collect()
    }

    /// The key that wraps.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.current_key().0
    }

    pub(crate) fn current_key(&self) -> (KeyId, Arc<WrappingKey>) {
        let keys = self.keys.read();
        let found = keys.entries.iter().rev().find(|(_, entry)| entry.state == KeyState::Current);
        let (id, entry) = found.expect("a ring always has a current key");
        let key = entry.key.as_ref().expect("the current key is not destroyed");
        (*id, Arc::clone(&key.wrapping))
    }

    pub(crate) fn key(&self, id: KeyId) -> Result<Arc<WrappingKey>> {
        let keys = self.keys.read();
        let key = keys.entries.get(&id).and_then(|entry| entry.key.as_ref());
        key.map(|key| Arc::clone(&key.wrapping)).ok_or(KeyRingError::LostKey { id })
    }

    /// The identity of the store that the ring belongs to.
    #[must_use]
    pub fn store(&self) -> [u8; 16] {
        self.store
    }

    /// What the key service keeps its rows under.
    pub(crate) fn rows_key(&self) -> Arc<Key256> {
        Arc::clone(&self.keys.read().inner.rows)
    }

    /// What checks of customers' keys are made with.
    pub(crate) fn verifier_key(&self) -> Arc<Key256> {
        Arc::clone(&self.keys.read().inner.verifier)
    }

    /// Saves the new state, and only then shows it.
    fn replace(
        &self,
        entries: BTreeMap<KeyId, Entry>,
        root: &Root,
        entropy: &dyn Entropy,
    ) -> Result<()> {
        let keys = Keys { entries, inner: self.keys.read().inner.clone() };
        self.storage.save(&self.encode(&keys, root, entropy)).map_err(KeyRingError::Storage)?;
        *self.keys.write() = keys;
        Ok(())
    }

    fn aad(&self, place: u32, state: KeyState, created: Timestamp) -> Vec<u8> {
        let state = [number_of(state)];
        let created = created.as_millis().to_le_bytes();
        [b"cistern/keyring/v1", &self.store[..], &place.to_le_bytes(), &state, &created].concat()
    }

    fn encode(&self, keys: &Keys, root: &Root, entropy: &dyn Entropy) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.raw(MAGIC);
        encoder.u32(VERSION);
        encoder.raw(&self.store);
        encoder.raw(&root.id.0);
        let wrap = |place, state, created, key: &Key256| {
            root.wrap.wrap(entropy, &self.aad(place, state, created), key.expose())
        };
        let lasting = [(ROWS_PLACE, &keys.inner.rows), (VERIFIER_PLACE, &keys.inner.verifier)];
        for (place, key) in lasting {
            encoder.raw(&wrap(place, KeyState::Current, Timestamp::default(), key));
        }
        encoder.u32(u32::try_from(keys.entries.len()).expect("keys are numbered in 32 bits"));
        for (id, entry) in &keys.entries {
            encoder.u32(id.0);
            encoder.u8(number_of(entry.state));
            encoder.i64(entry.created.as_millis());
            if let Some(key) = &entry.key {
                encoder.raw(&wrap(id.0, entry.state, entry.created, &key.secret));
            }
        }
        let mut bytes = encoder.finish();
        bytes.extend_from_slice(&hmac_sha256(root.mac.expose(), &[&bytes]));
        bytes
    }

    fn decode(root: &RootKey, storage: Arc<dyn KeyStorage>, bytes: &[u8]) -> Result<Self> {
        let (body, mac) = bytes.split_last_chunk::<32>().ok_or(Damage("it is cut off"))?;
        let mut decoder = Decoder::new(body);
        if decoder.array()? != *MAGIC {
            return Err(Damage("it is no key ring").into());
        }
        if decoder.u32()? != VERSION {
            return Err(Damage("its version is not known").into());
        }
        let store = decoder.array()?;
        let wanted = RootKeyId(decoder.array()?);
        if wanted != root.id() {
            return Err(KeyRingError::WrongRootKey { wanted, given: root.id() });
        }
        let root = Root::new(root, &store);
        let authentic: bool = hmac_sha256(root.mac.expose(), &[body]).ct_eq(mac).into();
        if !authentic {
            return Err(Damage("its sum does not match").into());
        }
        let place_holder = Arc::new(Key256::zero());
        let inner = Inner { rows: Arc::clone(&place_holder), verifier: place_holder };
        let ring = Self {
            storage,
            store,
            root: RwLock::new(root),
            keys: RwLock::new(Keys { entries: BTreeMap::new(), inner }),
            changing: Mutex::new(()),
        };
        let keys = ring.decode_keys(&mut decoder)?;
        decoder.end()?;
        *ring.keys.write() = keys;
        Ok(ring)
    }

    fn decode_keys(&self, decoder: &mut Decoder<'_>) -> Result<Keys> {
        let root = self.root.read();
        let unwrap = |decoder: &mut Decoder<'_>, place, state, created| {
            let wrapped: [u8; 72] = decoder.array()?;
            let aad = self.aad(place, state, created);
            root.wrap.unwrap_key(&aad, &wrapped).map_err(|_| Damage("a key does not unwrap"))
        };
        let mut lasting =
            |place| unwrap(decoder, place, KeyState::Current, Timestamp::default()).map(Arc::new);
        let inner = Inner { rows: lasting(ROWS_PLACE)?, verifier: lasting(VERIFIER_PLACE)? };
        let mut entries = BTreeMap::new();
        for _ in 0..decoder.u32()? {
            let id = KeyId(decoder.u32()?);
            let state = state_of(decoder.u8()?)?;
            let created = Timestamp::from_millis(decoder.i64()?);
            let key = match state {
                KeyState::Destroyed => None,
                _ => Some(Loaded::new(unwrap(decoder, id.0, state, created)?)),
            };
            entries.insert(id, Entry { state, created, key });
        }
        if !entries.values().any(|entry| entry.state == KeyState::Current) {
            return Err(Damage("it has no current key").into());
        }
        Ok(Keys { entries, inner })
    }
}

impl Root {
    fn new(root: &RootKey, store: &[u8; 16]) -> Self {
        let wrap = WrappingKey::new(&root.derive("root-wrap", store));
        Self { id: root.id(), wrap, mac: root.derive("keyring-mac", store) }
    }
}

impl Loaded {
    fn new(key: Key256) -> Self {
        let wrapping = Arc::new(WrappingKey::new(&key));
        Self { secret: Arc::new(key), wrapping }
    }
}

impl Keys {
    fn copied(&self) -> BTreeMap<KeyId, Entry> {
        let copy = |(&id, entry): (&KeyId, &Entry)| {
            let Entry { state, created, ref key } = *entry;
            (id, Entry { state, created, key: key.clone() })
        };
        self.entries.iter().map(copy).collect()
    }
}

fn number_of(state: KeyState) -> u8 {
    match state {
        KeyState::Current => 1,
        KeyState::Retired => 2,
        KeyState::Destroyed => 3,
    }
}

fn state_of(number: u8) -> std::result::Result<KeyState, Damage> {
    match number {
        1 => Ok(KeyState::Current),
        2 => Ok(KeyState::Retired),
        3 => Ok(KeyState::Destroyed),
        _ => Err(Damage("the state of a key is not known")),
    }
}

impl From<Damage> for KeyRingError {
    fn from(damage: Damage) -> Self {
        Self::Damaged { detail: damage.0 }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} keys)", self.keys.read().entries.len())
    }
}

#[cfg(test)]
mod tests;
