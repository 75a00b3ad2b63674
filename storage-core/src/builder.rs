//! `StoreBuilder`: one setter a component.

use crate::{
    error::Result,
    port::{Backend, Clock, Entropy, OsEntropy, Sealer, SystemClock},
    settings::Settings,
    store::Store,
};
use std::sync::Arc;

/// Puts a store together from its components.
#[derive(Debug)]
#[must_use = "nothing is opened before build is called"]
pub struct StoreBuilder {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sealer: Option<Arc<dyn Sealer>>,
    pub(crate) settings: Settings,
}

impl StoreBuilder {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        Self {
            backend,
            clock: Arc::new(SystemClock::default()),
            entropy: Arc::new(OsEntropy),
            sealer: None,
            settings: Settings::default(),
        }
    }

    /// What time it is. Default: the machine's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where random bytes come from. Default: the operating system.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// What seals bodies before they reach the backend. Default: nothing; bodies lie in the clear.
    pub fn sealer(mut self, sealer: Arc<dyn Sealer>) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// The store's numbers and choices.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// When the backend cannot be read, or holds rows that do not decode.
    pub fn build(self) -> Result<Store> {
        Store::open(self)
    }
}
