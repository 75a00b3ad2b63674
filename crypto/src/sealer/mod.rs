//! `StoreSealer`: the plug for the core's `Sealer` socket.
//!
//! ```text
//!   body --container writer, under a data key of its own--> sealed bytes
//!   data key --wrapped, bound to the row--> envelope
//!      under a store key (SSE-S3), a data key of the key service (SSE-KMS), the caller's key (SSE-C);
//!      under both of the first two, in two layers, with DSSE-KMS
//! ```
//!
//! What changes hands (names, versions, keys, even the mode between SSE-S3 and SSE-KMS) changes the envelope
//! alone, and no byte of the body.

mod body;
mod bucket_keys;
mod error;
mod locked;
mod wrapping;

use crate::{
    container::{ContainerWriter, Parallelism},
    envelope::{Envelope, Head, KeyReference, Kind},
    key_ring::{KeyId, KeyRing},
    kms::KeyService,
    protection::{CustomerKey, KmsProtection, Protection},
    provider::{Provider, default_provider},
    secret::Key256,
};
use body::{OpenedBody, SealingBody, SealingLayer};
use bucket_keys::BucketKeys;
use bytes::Bytes;
use cistern_storage_core::port::{
    Clock, Entropy, OsEntropy, SealContext, SealError, Sealed, Sealer, Sealing, SystemClock,
};
use std::{fmt, sync::Arc};

pub use bucket_keys::BUCKET_KEY_LIFE;
pub use error::SealFailure;
pub use locked::LockedSealer;

/// Seals bodies under the keys of a ring, and of a key service where one is given.
pub struct StoreSealer {
    ring: Arc<KeyRing>,
    provider: Arc<dyn Provider>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    service: Option<Arc<dyn KeyService>>,
    protection: Protection,
    principal: String,
    parallelism: Parallelism,
    bucket_keys: BucketKeys,
}

/// What an envelope says of how its body is protected: what answers to GET and HEAD show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtectionInfo {
    /// `AES256`, `aws:kms`, `aws:kms:dsse`; nothing for SSE-C.
    pub header: Option<&'static str>,
    /// The ARN of the key of the key service.
    pub kms_key: Option<String>,
    /// True when a bucket key was used.
    pub bucket_key: bool,
    /// The store key, of the modes that use one.
    pub store_key: Option<KeyId>,
}

type Result<T> = std::result::Result<T, SealFailure>;

/// Who brings what: the rest of what a call needs to know.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SealCall<'a> {
    /// The ARN of who asks.
    pub principal: &'a str,
    /// The key of SSE-C, when the caller brings one.
    pub customer: Option<&'a CustomerKey>,
}

impl<'a> SealCall<'a> {
    /// A call by `principal`.
    #[must_use]
    pub fn by(principal: &'a str) -> Self {
        Self { principal, customer: None }
    }

    /// The same, with a key of the caller's own.
    #[must_use]
    pub fn customer(mut self, key: &'a CustomerKey) -> Self {
        self.customer = Some(key);
        self
    }
}

impl StoreSealer {
    /// A sealer that protects everything with the keys of `ring`: SSE-S3.
    #[must_use]
    pub fn new(ring: Arc<KeyRing>) -> Self {
        Self {
            ring,
            provider: default_provider(),
            entropy: Arc::new(OsEntropy),
            clock: Arc::new(SystemClock::default()),
            service: None,
            protection: Protection::S3,
            principal: "arn:aws:iam::000000000000:root".into(),
            parallelism: Parallelism::default(),
            bucket_keys: BucketKeys::default(),
        }
    }

    /// Whose AES it is. Default: [`default_provider`].
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.provider = provider;
        self
    }

    /// Where random bytes come from. Default: the operating system.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// What time it is, for the life of bucket keys. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Who makes data keys for SSE-KMS. Default: nobody.
    #[must_use]
    pub fn key_service(mut self, service: Arc<dyn KeyService>) -> Self {
        self.service = Some(service);
        self
    }

    /// How bodies are protected that come without a word about it. Default: SSE-S3.
    #[must_use]
    pub fn default_protection(mut self, protection: Protection) -> Self {
        self.protection = protection;
        self
    }

    /// On whose behalf the key service is asked when nobody is named. Default: the account's root.
    #[must_use]
    pub fn principal(mut self, arn: impl Into<String>) -> Self {
        self.principal = arn.into();
        self
    }

    /// On how many cores a call may work.
    #[must_use]
    pub fn parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    /// The ring.
    #[must_use]
    pub fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// Begins to seal a body, protected so.
    ///
    /// # Errors
    /// When no key can be had.
    pub fn seal_as(
        &self,
        context: &SealContext<'_>,
        call: SealCall<'_>,
        protection: &Protection,
    ) -> Result<Box<dyn Sealing>> {
        let (kind, layers) = match protection {
            Protection::S3 => (Kind::S3, vec![self.raw_layer(self.ring_key())]),
            Protection::Kms(kms) => {
                let (kind, key) = self.kms_key(context, call, kms)?;
                (kind, vec![self.raw_layer(key)])
            }
            Protection::Dsse(kms) => {
                let inner = self.object_key(context, call, kms)?;
                let layers =
                    vec![self.full_layer(inner, INNER), self.full_layer(self.ring_key(), OUTER)];
                (Kind::Dsse, layers)
            }
            Protection::Customer(key) => {
                (Kind::Customer, vec![self.full_layer(self.customer_key(key), INNER)])
            }
        };
        Ok(Box::new(SealingBody::new(kind, layers, Arc::clone(&self.entropy))))
    }

    /// Opens a body.
    ///
    /// # Errors
    /// [`SealFailure::Refused`] when the envelope is not of this binding; what else is missing, by name.
    pub fn open_as(
        &self,
        context: &SealContext<'_>,
        call: SealCall<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        plain_len: u64,
    ) -> Result<Box<dyn Sealed>> {
        let envelope = decode(envelope)?;
        check_customer(&envelope, call)?;
        let keys = self.data_keys(Some(context), call, &envelope, binding)?;
        let opened = OpenedBody::open(self, &envelope, &keys, plain_len)?;
        Ok(Box::new(opened))
    }

    /// Moves an envelope to another binding, under the newest key of its kind.
    ///
    /// # Errors
    /// As [`Self::open_as`].
    pub fn rebind_as(
        &self,
        context: &SealContext<'_>,
        call: SealCall<'_>,
        envelope: &[u8],
        from: &[u8; 32],
        to: &[u8; 32],
    ) -> Result<Bytes> {
        let old = decode(envelope)?;
        check_customer(&old, call)?;
        // Where the body came from is in the envelope, and is authenticated with it.
        let data_keys = self.data_keys(None, call, &old, from)?;
        let mut layers = Vec::with_capacity(old.layers.len());
        for ((place, layer), data_key) in (0..).zip(&old.layers).zip(&data_keys) {
            let (key, wrapping) = self.rewrapping_key(context, call, old.kind, layer)?;
            layers.push(self.wrap_layer(old.kind, place, layer.head, key, &wrapping, data_key, to));
        }
        Ok(Envelope { kind: old.kind, layers }.encode().into())
    }

    /// The envelope under the current store key; `None` when it is under it already, or needs none. What
    /// rotating the store key leaves to be done, row by row.
    ///
    /// # Errors
    /// As [`Self::open_as`]. SSE-C envelopes are never touched.
    pub fn rewrap(&self, envelope: &[u8], binding: &[u8; 32]) -> Result<Option<Bytes>> {
        let mut envelope = decode(envelope)?;
        let current = self.ring.current();
        let mut changed = false;
        for (place, layer) in (0..).zip(&mut envelope.layers) {
            let KeyReference::Ring(id) = layer.key else { continue };
            if id == current {
                continue;
            }
            let data_key = self.ring.key(id)?;
            let aad = layer.aad(envelope.kind, place, binding);
            let data_key = data_key.unwrap_key(&aad, &layer.wrapped)?;
            let (key, wrapping) = self.ring_key();
            let head = layer.head;
            *layer =
                self.wrap_layer(envelope.kind, place, head, key, &wrapping, &data_key, binding);
            changed = true;
        }
        Ok(changed.then(|| envelope.encode().into()))
    }

    /// Puts a body of SSE-S3 or SSE-KMS under a key of the key service, without touching it.
    ///
    /// Law: S3, UpdateObjectEncryption: from SSE-S3 or SSE-KMS to SSE-KMS.
    ///
    /// # Errors
    /// [`SealFailure::NotApplicable`] for SSE-C and DSSE-KMS.
    pub fn to_kms(
        &self,
        context: &SealContext<'_>,
        call: SealCall<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        target: &KmsProtection,
    ) -> Result<Bytes> {
        let old = decode(envelope)?;
        if matches!(old.kind, Kind::Customer | Kind::Dsse) {
            return Err(SealFailure::NotApplicable);
        }
        let data_keys = self.data_keys(Some(context), call, &old, binding)?;
        let (kind, (key, wrapping)) = self.kms_key(context, call, target)?;
        let head = old.layers[0].head;
        let layer = self.wrap_layer(kind, 0, head, key, &wrapping, &data_keys[0], binding);
        Ok(Envelope { kind, layers: vec![layer] }.encode().into())
    }

    /// What an envelope says without being opened: answers may show it.
    ///
    /// # Errors
    /// When it does not decode.
    pub fn describe(&self, envelope: &[u8]) -> Result<ProtectionInfo> {
        let envelope = decode(envelope)?;
        let header = match envelope.kind {
            Kind::S3 => Some("AES256"),
            Kind::Kms | Kind::KmsBucketKey => Some("aws:kms"),
            Kind::Dsse => Some("aws:kms:dsse"),
            Kind::Customer => None,
        };
        let bucket_key = envelope.kind == Kind::KmsBucketKey;
        let mut info = ProtectionInfo { header, kms_key: None, bucket_key, store_key: None };
        for layer in envelope.layers {
            match layer.key {
                KeyReference::Ring(id) => info.store_key = Some(id),
                KeyReference::Kms(kms) => info.kms_key = Some(kms.arn),
                KeyReference::Customer { .. } => {}
            }
        }
        Ok(info)
    }

    fn raw_layer(&self, (key, wrapping): wrapping::WithKey) -> SealingLayer {
        let (writer, data_key, head) = ContainerWriter::raw(&*self.provider, &*self.entropy);
        let writer = writer.parallelism(self.parallelism);
        SealingLayer { writer, data_key, head: Head::Raw(head), key, wrapping }
    }

    fn full_layer(&self, (key, wrapping): wrapping::WithKey, label: &[u8]) -> SealingLayer {
        let (data_key, mut identity) = (Key256::generate(&*self.entropy), [0; 16]);
        self.entropy.fill(&mut identity);
        let context = self.container_context(label, &identity);
        let (provider, entropy) = (&*self.provider, &*self.entropy);
        let (writer, head) =
            ContainerWriter::full_with_head(provider, entropy, &data_key, &context);
        let writer = writer.parallelism(self.parallelism);
        SealingLayer { writer, data_key, head: Head::Full { identity, head }, key, wrapping }
    }

    /// What a container in full mode is bound to: nothing that ever changes.
    fn container_context(&self, label: &[u8], identity: &[u8; 16]) -> Vec<u8> {
        [label, &[0], &self.ring.store()[..], identity].concat()
    }
}

/// The context of a container that holds a body, or of the inner one of two.
const INNER: &[u8] = b"cistern/blob/v1";
/// The context of a container that holds a container.
const OUTER: &[u8] = b"cistern/dsse-outer/v1";

fn decode(envelope: &[u8]) -> Result<Envelope> {
    Envelope::decode(envelope).map_err(|_| SealFailure::Refused)
}

/// SSE-C asks for its key, and nothing else takes one.
///
/// Law: S3, reading SSE-C takes its key, and reading anything else takes none.
fn check_customer(envelope: &Envelope, call: SealCall<'_>) -> Result<()> {
    match (envelope.kind, call.customer) {
        (Kind::Customer, None) => Err(SealFailure::CustomerKeyNeeded),
        (Kind::Customer, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err(SealFailure::NotApplicable),
    }
}

impl Sealer for StoreSealer {
    fn seal(&self, context: &SealContext<'_>) -> std::result::Result<Box<dyn Sealing>, SealError> {
        Ok(self.seal_as(context, SealCall::by(&self.principal), &self.protection)?)
    }

    fn open(
        &self,
        context: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        plain_len: u64,
    ) -> std::result::Result<Box<dyn Sealed>, SealError> {
        let call = SealCall::by(&self.principal);
        Ok(self.open_as(context, call, envelope, binding, plain_len)?)
    }

    fn rebind(
        &self,
        context: &SealContext<'_>,
        envelope: &[u8],
        from: &[u8; 32],
        to: &[u8; 32],
    ) -> std::result::Result<Bytes, SealError> {
        Ok(self.rebind_as(context, SealCall::by(&self.principal), envelope, from, to)?)
    }

    fn renew(
        &self,
        _: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
    ) -> std::result::Result<Option<Bytes>, SealError> {
        Ok(self.rewrap(envelope, binding)?)
    }
}

impl fmt::Debug for StoreSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSealer")
            .field("ring", &self.ring)
            .field("provider", &self.provider.name())
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
