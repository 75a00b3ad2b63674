//! `Keys`: the keys that a cistern's bodies are sealed under.

use crate::encryption::ring_error;
use cistern_crypto::{KeyId, KeyInfo, KeyRing, RootKey};
use cistern_storage_core::{
    Result,
    port::{Clock, Entropy},
};
use std::{fmt, sync::Arc};

/// The keys of an encrypted cistern: listed, rotated, destroyed. Cheap to clone.
///
/// ```
/// use cistern::{Cistern, crypto::KeyState};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cistern = Cistern::builder().memory().encrypt().build()?;
/// let photos = cistern.create_bucket("photos")?;
/// photos.put("tom", "meow")?; // sealed under store key 1
/// let second = cistern.keys()?.rotate()?;
/// photos.put("tim", "purr")?; // under store key 2
/// assert_eq!(photos.get("tom")?.text()?, "meow");
/// let states: Vec<_> = cistern.keys()?.list().iter().map(|key| (key.id, key.state)).collect();
/// assert_eq!(states[1], (second, KeyState::Current));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Keys {
    ring: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
}

impl Keys {
    pub(crate) fn new(
        ring: Arc<KeyRing>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { ring, entropy, clock }
    }

    /// Every key there ever was, the oldest first: its name, its state, when it was made.
    #[must_use]
    pub fn list(&self) -> Vec<KeyInfo> {
        self.ring.keys()
    }

    /// The key that new bodies are sealed under.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.ring.current()
    }

    /// Makes a new key, which is current from now on. What lies under older ones stays readable.
    ///
    /// # Errors
    /// When the key ring cannot be kept; then nothing has changed.
    pub fn rotate(&self) -> Result<KeyId> {
        self.ring.rotate(&*self.entropy, &*self.clock).map_err(|error| ring_error(&error))
    }

    /// Forgets a retired key for good.
    ///
    /// *Every body that is still under it is lost*, wherever it is: the error of a read says which
    /// key it was. Copies of the key ring that were made earlier still have the key.
    ///
    /// # Errors
    /// [`Error::Seal`](crate::Error::Seal) when the key is the current one or there is none of that
    /// name, and when the key ring cannot be kept.
    pub fn destroy(&self, id: KeyId) -> Result<()> {
        self.ring.destroy(id, &*self.entropy).map_err(|error| ring_error(&error))
    }

    /// Puts the key ring under another root key, and touches nothing else.
    ///
    /// # Errors
    /// When the key ring cannot be kept; then the old root key stays in force.
    pub fn change_root(&self, root: &RootKey) -> Result<()> {
        self.ring.change_root(root, &*self.entropy).map_err(|error| ring_error(&error))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.ring).finish()
    }
}
