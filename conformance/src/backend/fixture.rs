//! `Fixture`: one fresh backend, and what can be done to it from outside.

use cistern_storage_core::port::{Backend, Capabilities, Sealer};
use std::{any::Any, fmt, ops::Deref, sync::Arc};

type Open = Box<dyn Fn() -> Arc<dyn Backend>>;

/// One fresh, empty backend, and what can be done to it from outside.
pub struct Fixture {
    backend: Option<Arc<dyn Backend>>,
    reopen: Option<Open>,
    cut_power: Option<Open>,
    sealer: Option<Arc<dyn Sealer>>,
    // Dropped after the backend that may use it: fields go in order.
    kept: Vec<Box<dyn Any>>,
}

impl Fixture {
    /// A backend that is empty, and that nothing else uses.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        let kept = Vec::new();
        Self { backend: Some(backend), reopen: None, cut_power: None, sealer: None, kept }
    }

    /// How to open the same medium again. Called when the backend was closed, or dropped without
    /// being closed, and no handle to it is left. A backend whose capabilities say `reopens` needs it.
    #[must_use]
    pub fn reopened_by(mut self, open: impl Fn() -> Arc<dyn Backend> + 'static) -> Self {
        self.reopen = Some(Box::new(open));
        self
    }

    /// How to cut the power and open what is left. Called while the old handle still stands; the
    /// medium must forget all that was not synced, and the old handle must not touch it any more.
    /// Without it the promises about power are not asked for: few media can do this to themselves.
    #[must_use]
    pub fn power_cut_by(mut self, cut: impl Fn() -> Arc<dyn Backend> + 'static) -> Self {
        self.cut_power = Some(Box::new(cut));
        self
    }

    /// What seals the bodies of the store that the model is held to, every time it is opened. The
    /// promises of a backend are asked for without it.
    #[must_use]
    pub fn sealed_by(mut self, sealer: Arc<dyn Sealer>) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// Keeps something for as long as the fixture: a folder that is removed when it is dropped.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any) -> Self {
        self.kept.push(Box::new(kept));
        self
    }

    pub(crate) fn share(&self) -> Arc<dyn Backend> {
        Arc::clone(self.backend.as_ref().expect("a fixture is between backends only in `replace`"))
    }

    pub(crate) fn sealer(&self) -> Option<Arc<dyn Sealer>> {
        self.sealer.clone()
    }

    pub(crate) fn asks_of(&self) -> Asked {
        let Capabilities { durability_max: _, reopens, .. } = self.capabilities();
        Asked { reopens, loses_power: self.cut_power.is_some() }
    }

    pub(crate) fn close_and_reopen(&mut self) {
        self.close().expect("closes");
        self.drop_and_reopen();
    }

    pub(super) fn drop_and_reopen(&mut self) {
        let backend = self.backend.take();
        drop(backend);
        let open = self.reopen.as_ref().expect(
            "the backend declares `reopens`: give its fixture a way to, with `reopened_by`",
        );
        self.backend = Some(open());
    }

    pub(crate) fn cut_power(&mut self) {
        let cut =
            self.cut_power.as_ref().expect("promises about power are asked of those that can");
        let after = cut();
        self.backend = Some(after);
    }
}

impl Deref for Fixture {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &**self.backend.as_ref().expect("a fixture is between backends only while it reopens")
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("backend", &self.backend)
            .field("reopens", &self.reopen.is_some())
            .field("loses_power", &self.cut_power.is_some())
            .field("sealed", &self.sealer.is_some())
            .field("keeps", &self.kept.len())
            .finish()
    }
}

/// What a fixture can be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) reopens: bool,
    pub(crate) loses_power: bool,
}
