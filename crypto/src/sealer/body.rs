//! One body on its way in, and one that is read: a container, or one within another.

use super::{INNER, OUTER, Result, SealFailure, StoreSealer, wrapping::wrapped};
use crate::{
    container::{ContainerReader, ContainerWriter},
    envelope::{Envelope, Head, KeyReference, Kind, Layer, aad},
    secret::Key256,
    xaes::WrappingKey,
};
use bytes::{Bytes, BytesMut};
use cistern_storage_core::port::{Entropy, SealError, Sealed, Sealing};
use std::{fmt, ops::Range, sync::Arc};

/// A layer on its way in.
pub(super) struct SealingLayer {
    pub(super) writer: ContainerWriter,
    pub(super) data_key: Key256,
    pub(super) head: Head,
    pub(super) key: KeyReference,
    pub(super) wrapping: Arc<WrappingKey>,
}

/// A body on its way in.
pub(super) struct SealingBody {
    kind: Kind,
    layers: Vec<SealingLayer>,
    entropy: Arc<dyn Entropy>,
}

impl SealingBody {
    pub(super) fn new(kind: Kind, layers: Vec<SealingLayer>, entropy: Arc<dyn Entropy>) -> Self {
        Self { kind, layers, entropy }
    }
}

impl Sealing for SealingBody {
    fn update(&mut self, plain: &[u8]) -> std::result::Result<Bytes, SealError> {
        let (inner, outer) = self.layers.split_first_mut().expect("a body has a layer");
        let mut sealed = inner.writer.update(plain);
        for layer in outer {
            sealed = layer.writer.update(&sealed);
        }
        Ok(sealed)
    }

    fn finish(&mut self) -> std::result::Result<Bytes, SealError> {
        let (inner, outer) = self.layers.split_first_mut().expect("a body has a layer");
        let mut sealed = inner.writer.finish();
        for layer in outer {
            let mut joined = BytesMut::from(&layer.writer.update(&sealed)[..]);
            joined.extend_from_slice(&layer.writer.finish());
            sealed = joined.freeze();
        }
        Ok(sealed)
    }

    fn envelope(&mut self, binding: &[u8; 32]) -> std::result::Result<Bytes, SealError> {
        let wrap = |(place, layer): (u8, &SealingLayer)| {
            let aad = aad(self.kind, place, &layer.head, &layer.key, binding);
            let wrapped = wrapped(&layer.wrapping, &*self.entropy, &aad, &layer.data_key);
            Layer { head: layer.head, key: layer.key.clone(), wrapped }
        };
        let layers = (0..).zip(&self.layers).map(wrap).collect();
        Ok(Envelope { kind: self.kind, layers }.encode().into())
    }
}

impl fmt::Debug for SealingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingBody({:?})", self.kind)
    }
}

/// A body that is read.
pub(super) struct OpenedBody {
    /// The container that holds the body.
    inner: ContainerReader,
    /// The container that holds that one.
    outer: Option<ContainerReader>,
}

impl OpenedBody {
    pub(super) fn open(
        sealer: &StoreSealer,
        envelope: &Envelope,
        keys: &[Key256],
        plain_len: u64,
    ) -> Result<Self> {
        let mut layers = envelope.layers.iter().zip(keys);
        let (layer, key) = layers.next().ok_or(SealFailure::Refused)?;
        let inner = reader(sealer, layer, key, INNER, plain_len)?;
        let outer = match layers.next() {
            Some((layer, key)) => {
                Some(reader(sealer, layer, key, OUTER, inner.layout().sealed_len())?)
            }
            None => None,
        };
        Ok(Self { inner, outer })
    }
}

fn reader(
    sealer: &StoreSealer,
    layer: &Layer,
    key: &Key256,
    label: &[u8],
    len: u64,
) -> Result<ContainerReader> {
    let provider = &*sealer.provider;
    let reader = match layer.head {
        Head::Raw(head) => ContainerReader::raw(provider, key, head, len)?,
        Head::Full { identity, head } => {
            let context = sealer.container_context(label, &identity);
            ContainerReader::full(provider, key, head, &context, len)?
        }
    };
    Ok(reader.parallelism(sealer.parallelism))
}

impl Sealed for OpenedBody {
    fn sealed_range(&self, range: Range<u64>) -> Range<u64> {
        let inner = self.inner.layout().sealed_range(range);
        match &self.outer {
            Some(outer) => outer.layout().sealed_range(inner),
            None => inner,
        }
    }

    fn open_range(
        &self,
        range: Range<u64>,
        sealed: &[u8],
    ) -> std::result::Result<Bytes, SealError> {
        let refused = |_| SealError::Refused;
        let Some(outer) = &self.outer else {
            return self.inner.open_range(range, sealed).map_err(refused);
        };
        let middle = self.inner.layout().sealed_range(range.clone());
        let inner = outer.open_range(middle, sealed).map_err(refused)?;
        self.inner.open_range(range, &inner).map_err(refused)
    }
}

impl fmt::Debug for OpenedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedBody({} bytes)", self.inner.layout().plain_len())
    }
}
