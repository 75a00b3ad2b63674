//! What wraps the data keys: where it comes from, by mode.

use super::{Result, SealCall, SealFailure, StoreSealer};
use crate::{
    context::EncryptionContext,
    envelope::{Envelope, Head, KeyReference, Kind, KmsReference, Layer, WRAPPED_BYTES, aad},
    kms::KmsCall,
    protection::{BucketKey, CustomerKey, KmsProtection},
    secret::Key256,
    xaes::WrappingKey,
};
use cistern_storage_core::port::SealContext;
use std::sync::Arc;

/// A wrapping key, and what an envelope says of it.
pub(super) type WithKey = (KeyReference, Arc<WrappingKey>);

/// The pair that S3 puts into every encryption context.
const ARN: &str = "aws:s3:arn";
/// The key that is used when none is named.
const DEFAULT_KEY: &str = "alias/aws/s3";

impl StoreSealer {
    pub(super) fn ring_key(&self) -> WithKey {
        let (id, key) = self.ring.current_key();
        (KeyReference::Ring(id), key)
    }

    pub(super) fn customer_key(&self, key: &CustomerKey) -> WithKey {
        let mut salt = [0; 32];
        self.entropy.fill(&mut salt);
        let verifier = key.verifier(&self.ring.verifier_key(), &salt);
        let wrapping = Arc::new(WrappingKey::new(&key.wrapping_key(&salt)));
        (KeyReference::Customer { salt, verifier }, wrapping)
    }

    /// The key for SSE-KMS: the bucket's for a while, or one of the object's own.
    pub(super) fn kms_key(
        &self,
        context: &SealContext<'_>,
        call: SealCall<'_>,
        kms: &KmsProtection,
    ) -> Result<(Kind, WithKey)> {
        if kms.bucket_key == BucketKey::Off {
            return Ok((Kind::Kms, self.object_key(context, call, kms)?));
        }
        let name = kms.key.as_deref().unwrap_or(DEFAULT_KEY);
        let pairs = with_arn(&kms.context, &bucket_arn(context))?;
        let generation = self.generation();
        let place = format!("{}\0{name}\0{}\0{}", context.bucket, call.principal, pairs.to_json());
        if let Some(cached) = self.bucket_keys.writing(&place, self.clock.now(), generation) {
            return Ok((Kind::KmsBucketKey, cached));
        }
        let made = self.generate(call, name, pairs)?;
        self.bucket_keys.keep_writing(place, self.clock.now(), generation, &made);
        Ok((Kind::KmsBucketKey, made))
    }

    /// A key that the key service made for one object.
    ///
    /// Law: S3, the encryption context holds the object's ARN, or the bucket's with a bucket key.
    pub(super) fn object_key(
        &self,
        context: &SealContext<'_>,
        call: SealCall<'_>,
        kms: &KmsProtection,
    ) -> Result<WithKey> {
        let name = kms.key.as_deref().unwrap_or(DEFAULT_KEY);
        self.generate(call, name, with_arn(&kms.context, &object_arn(context))?)
    }

    fn generate(
        &self,
        call: SealCall<'_>,
        name: &str,
        context: EncryptionContext,
    ) -> Result<WithKey> {
        let service = self.service.as_ref().ok_or(SealFailure::NoService)?;
        let call = KmsCall::by(call.principal).via("s3");
        let made = service.generate_data_key(&call, name, &context)?;
        let wrapping = Arc::new(WrappingKey::new(&made.plaintext));
        let reference = KmsReference { arn: made.key_arn, ciphertext: made.ciphertext, context };
        Ok((KeyReference::Kms(reference), wrapping))
    }

    fn generation(&self) -> u64 {
        self.service.as_ref().map_or(0, |service| service.generation())
    }

    /// The data keys of all layers. With `context`, the envelope must be of that object.
    pub(super) fn data_keys(
        &self,
        context: Option<&SealContext<'_>>,
        call: SealCall<'_>,
        envelope: &Envelope,
        binding: &[u8; 32],
    ) -> Result<Vec<Key256>> {
        let mut keys = Vec::with_capacity(envelope.layers.len());
        for (place, layer) in (0..).zip(&envelope.layers) {
            let wrapping = self.unwrapping_key(context, call, envelope.kind, layer)?;
            let aad = layer.aad(envelope.kind, place, binding);
            keys.push(wrapping.unwrap_key(&aad, &layer.wrapped)?);
        }
        Ok(keys)
    }

    fn unwrapping_key(
        &self,
        context: Option<&SealContext<'_>>,
        call: SealCall<'_>,
        kind: Kind,
        layer: &Layer,
    ) -> Result<Arc<WrappingKey>> {
        match &layer.key {
            KeyReference::Ring(id) => Ok(self.ring.key(*id)?),
            KeyReference::Customer { salt, verifier } => {
                let key = call.customer.ok_or(SealFailure::CustomerKeyNeeded)?;
                if !key.fits(&self.ring.verifier_key(), salt, verifier) {
                    return Err(SealFailure::CustomerKeyWrong);
                }
                Ok(Arc::new(WrappingKey::new(&key.wrapping_key(salt))))
            }
            KeyReference::Kms(kms) => {
                let is_of = |context| kms.context.get(ARN) == Some(&*arn_of(kind, context));
                if !context.is_none_or(is_of) {
                    return Err(SealFailure::Refused);
                }
                self.decrypt(call, kind, kms)
            }
        }
    }

    fn decrypt(
        &self,
        call: SealCall<'_>,
        kind: Kind,
        kms: &KmsReference,
    ) -> Result<Arc<WrappingKey>> {
        let service = self.service.as_ref().ok_or(SealFailure::NoService)?;
        let (now, generation) = (self.clock.now(), service.generation());
        let cacheable = kind == Kind::KmsBucketKey;
        if cacheable
            && let Some(cached) = self.bucket_keys.reading(call.principal, kms, now, generation)
        {
            return Ok(cached);
        }
        let asking = KmsCall::by(call.principal).via("s3");
        let plain = service.decrypt(&asking, Some(&kms.arn), &kms.context, &kms.ciphertext)?;
        let key = Key256::from_slice(&plain.plaintext).ok_or(SealFailure::Refused)?;
        let wrapping = Arc::new(WrappingKey::new(&key));
        if cacheable {
            self.bucket_keys.keep_reading(call.principal, kms, now, generation, &wrapping);
        }
        Ok(wrapping)
    }

    /// The key that wraps the data key of `layer` from now on.
    pub(super) fn rewrapping_key(
        &self,
        context: &SealContext<'_>,
        call: SealCall<'_>,
        kind: Kind,
        layer: &Layer,
    ) -> Result<WithKey> {
        match &layer.key {
            KeyReference::Ring(_) => Ok(self.ring_key()),
            KeyReference::Customer { .. } => {
                let key = call.customer.ok_or(SealFailure::CustomerKeyNeeded)?;
                Ok(self.customer_key(key))
            }
            KeyReference::Kms(kms) if kms.context.get(ARN) == Some(&*arn_of(kind, context)) => {
                let wrapping = self.decrypt(call, kind, kms)?;
                Ok((layer.key.clone(), wrapping))
            }
            KeyReference::Kms(kms) => {
                let mut pairs = kms.context.clone();
                pairs.insert(ARN, &arn_of(kind, context))?;
                self.generate(call, &kms.arn, pairs)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a layer has as many parts")]
    pub(super) fn wrap_layer(
        &self,
        kind: Kind,
        place: u8,
        head: Head,
        key: KeyReference,
        wrapping: &WrappingKey,
        data_key: &Key256,
        binding: &[u8; 32],
    ) -> Layer {
        let aad = aad(kind, place, &head, &key, binding);
        Layer { head, key, wrapped: wrapped(wrapping, &*self.entropy, &aad, data_key) }
    }
}

pub(super) fn wrapped(
    wrapping: &WrappingKey,
    entropy: &dyn cistern_storage_core::port::Entropy,
    aad: &[u8; 32],
    data_key: &Key256,
) -> [u8; WRAPPED_BYTES] {
    let wrapped = wrapping.wrap(entropy, aad, data_key.expose());
    wrapped.try_into().expect("a wrapped key has its length")
}

fn object_arn(context: &SealContext<'_>) -> String {
    format!("arn:aws:s3:::{}/{}", context.bucket, context.key)
}

fn bucket_arn(context: &SealContext<'_>) -> String {
    format!("arn:aws:s3:::{}", context.bucket)
}

fn arn_of(kind: Kind, context: &SealContext<'_>) -> String {
    if kind == Kind::KmsBucketKey { bucket_arn(context) } else { object_arn(context) }
}

/// The caller's pairs, and the one that is not his to set.
fn with_arn(pairs: &EncryptionContext, arn: &str) -> Result<EncryptionContext> {
    if pairs.get(ARN).is_some() {
        return Err(SealFailure::ReservedContext);
    }
    let mut pairs = pairs.clone();
    pairs.insert(ARN, arn)?;
    Ok(pairs)
}
