//! The envelope: what opens a body, as the core keeps it in the object's row.
//!
//! ```text
//! version u8 = 1, kind u8, one layer, or two under DSSE (the inner first)
//! layer   u8 mode: 0 raw, base nonce[12]; 1 full, identity of the body[16], salt and commitment[56]
//!         key     by kind and place: u32 key of the ring; or KMS; or SSE-C: salt[32], verifier[32]
//!         wrapped XAES nonce[24], data key[32], tag[16]
//! KMS     u16 length and ARN of the key, u16 length and ciphertext of the data key,
//!         u16 number of pairs of the encryption context; each: u16 length and key, u16 length and value
//! ```
//!
//! Numbers are little-endian. The data key is wrapped with the digest of everything in front of it, of its
//! place, and of the binding: so no byte of an envelope can be changed, and none opens anywhere else.

use crate::{
    codec::{Damage, Decoder, Encoder},
    container::{FullHead, RawHead},
    context::EncryptionContext,
    derive::sha256,
    key_ring::KeyId,
};

/// How a body is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    S3,
    Kms,
    KmsBucketKey,
    Dsse,
    Customer,
}

const KINDS: [(Kind, u8); 5] =
    [(Kind::S3, 1), (Kind::Kms, 2), (Kind::KmsBucketKey, 3), (Kind::Dsse, 4), (Kind::Customer, 5)];

/// A whole envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    /// One, or two under DSSE.
    pub(crate) layers: Vec<Layer>,
}

/// One layer of encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) head: Head,
    pub(crate) key: KeyReference,
    pub(crate) wrapped: [u8; WRAPPED_BYTES],
}

/// How the container under a layer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    Raw(RawHead),
    Full { identity: [u8; 16], head: FullHead },
}

/// Which key wraps the data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyReference {
    Ring(KeyId),
    Kms(KmsReference),
    Customer { salt: [u8; 32], verifier: [u8; 32] },
}

/// A data key of a key service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KmsReference {
    pub(crate) arn: String,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) context: EncryptionContext,
}

/// XAES nonce, data key, tag.
pub(crate) const WRAPPED_BYTES: usize = 24 + 32 + 16;
const VERSION: u8 = 1;

impl Envelope {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.u8(VERSION);
        encoder.u8(number_of(self.kind));
        for layer in &self.layers {
            encoder.raw(&layer.described());
            encoder.raw(&layer.wrapped);
        }
        encoder.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut decoder = Decoder::new(bytes);
        if decoder.u8()? != VERSION {
            return Err(Damage("its version is not known"));
        }
        let number = decoder.u8()?;
        let known = KINDS.iter().find(|(_, known)| *known == number);
        let kind = known.ok_or(Damage("its kind is not known"))?.0;
        let count = if kind == Kind::Dsse { 2 } else { 1 };
        let layer = |place| decode_layer(&mut decoder, kind, place);
        let layers = (0..count).map(layer).collect::<Result<_, _>>()?;
        decoder.end()?;
        Ok(Self { kind, layers })
    }
}

impl Layer {
    /// Everything of the layer but its wrapped key.
    fn described(&self) -> Vec<u8> {
        describe(&self.head, &self.key)
    }

    /// What the data key of this layer is wrapped with.
    pub(crate) fn aad(&self, kind: Kind, place: u8, binding: &[u8; 32]) -> [u8; 32] {
        aad(kind, place, &self.head, &self.key, binding)
    }
}

/// What a data key is wrapped with.
pub(crate) fn aad(
    kind: Kind,
    place: u8,
    head: &Head,
    key: &KeyReference,
    binding: &[u8; 32],
) -> [u8; 32] {
    sha256(&[b"cistern/env/v1", &[number_of(kind), place], &describe(head, key), binding])
}

fn number_of(kind: Kind) -> u8 {
    KINDS.iter().find(|(known, _)| *known == kind).expect("every kind has a number").1
}

fn describe(head: &Head, key: &KeyReference) -> Vec<u8> {
    let mut encoder = Encoder::default();
    match head {
        Head::Raw(raw) => {
            encoder.u8(0);
            encoder.raw(&raw.base_nonce);
        }
        Head::Full { identity, head } => {
            encoder.u8(1);
            encoder.raw(identity);
            encoder.raw(&head.0);
        }
    }
    match key {
        KeyReference::Ring(id) => encoder.u32(id.number()),
        KeyReference::Customer { salt, verifier } => {
            encoder.raw(salt);
            encoder.raw(verifier);
        }
        KeyReference::Kms(kms) => {
            encoder.short(kms.arn.as_bytes());
            encoder.short(&kms.ciphertext);
            encode_context(&mut encoder, &kms.context);
        }
    }
    encoder.finish()
}

pub(crate) fn encode_context(encoder: &mut Encoder, context: &EncryptionContext) {
    encoder.u16(u16::try_from(context.len()).expect("a context is below 8 KiB"));
    for (key, value) in context.pairs() {
        encoder.short(key.as_bytes());
        encoder.short(value.as_bytes());
    }
}

pub(crate) fn decode_context(decoder: &mut Decoder<'_>) -> Result<EncryptionContext, Damage> {
    let count = decoder.u16()?;
    let mut context = EncryptionContext::new();
    let mut last: Option<String> = None;
    for _ in 0..count {
        let (key, value) = (decoder.short_text()?, decoder.short_text()?);
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Err(Damage("its context is not sorted"));
        }
        context.insert(&key, &value).map_err(|_| Damage("its context is too large"))?;
        last = Some(key);
    }
    Ok(context)
}

fn decode_layer(decoder: &mut Decoder<'_>, kind: Kind, place: usize) -> Result<Layer, Damage> {
    let head = match decoder.u8()? {
        0 => Head::Raw(RawHead { base_nonce: decoder.array()? }),
        1 => Head::Full { identity: decoder.array()?, head: FullHead(decoder.array()?) },
        _ => return Err(Damage("its mode is not known")),
    };
    let key = match (kind, place) {
        (Kind::S3, _) | (Kind::Dsse, 1) => KeyReference::Ring(KeyId::new(decoder.u32()?)),
        (Kind::Customer, _) => {
            KeyReference::Customer { salt: decoder.array()?, verifier: decoder.array()? }
        }
        (Kind::Kms | Kind::KmsBucketKey | Kind::Dsse, _) => KeyReference::Kms(KmsReference {
            arn: decoder.short_text()?,
            ciphertext: decoder.short()?.to_vec(),
            context: decode_context(decoder)?,
        }),
    };
    Ok(Layer { head, key, wrapped: decoder.array()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn ring() -> Layer {
        Layer {
            head: Head::Raw(RawHead { base_nonce: [0xaa; 12] }),
            key: KeyReference::Ring(KeyId::new(7)),
            wrapped: [0xbb; 72],
        }
    }

    fn kms() -> Layer {
        let context = EncryptionContext::of([("aws:s3:arn", "arn:aws:s3:::b/k")]).unwrap();
        Layer {
            head: Head::Full { identity: [0xcc; 16], head: FullHead([0xdd; 56]) },
            key: KeyReference::Kms(KmsReference {
                arn: "arn:key".into(),
                ciphertext: vec![0xee; 5],
                context,
            }),
            wrapped: [0xff; 72],
        }
    }

    fn all() -> Vec<Envelope> {
        let customer = KeyReference::Customer { salt: [1; 32], verifier: [2; 32] };
        vec![
            Envelope { kind: Kind::S3, layers: vec![ring()] },
            Envelope { kind: Kind::Kms, layers: vec![kms()] },
            Envelope { kind: Kind::KmsBucketKey, layers: vec![kms()] },
            Envelope { kind: Kind::Dsse, layers: vec![kms(), ring()] },
            Envelope { kind: Kind::Customer, layers: vec![Layer { key: customer, ..kms() }] },
        ]
    }

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_shorter_or_longer() {
        for envelope in all() {
            let bytes = envelope.encode();
            assert_eq!(Envelope::decode(&bytes).as_ref(), Ok(&envelope));
            for len in 0..bytes.len() {
                assert!(Envelope::decode(&bytes[..len]).is_err(), "{len} of {}", bytes.len());
            }
            assert!(Envelope::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn the_bytes_stay_what_they_are() {
        let expected = format!("0101{}{}{}{}", "00", "aa".repeat(12), "07000000", "bb".repeat(72));
        assert_eq!(hex::encode(&all()[0].encode()), expected);
        let head = format!("010201{}{}", "cc".repeat(16), "dd".repeat(56));
        let arn = format!("0700{}", hex::encode(b"arn:key"));
        let ciphertext = format!("0500{}", "ee".repeat(5));
        let key = format!("01000a00{}", hex::encode(b"aws:s3:arn"));
        let value = format!("1000{}", hex::encode(b"arn:aws:s3:::b/k"));
        let wrapped = "ff".repeat(72);
        let expected = [head, arn, ciphertext, key, value, wrapped].concat();
        assert_eq!(hex::encode(&all()[1].encode()), expected);
    }

    #[test]
    fn the_key_is_bound_to_everything_around_it() {
        let mut seen = std::collections::BTreeSet::new();
        let mut note = |aad| assert!(seen.insert(aad), "two places share their binding");
        for kind in [Kind::S3, Kind::Kms, Kind::Dsse] {
            for place in 0..2 {
                for binding in [[0; 32], [1; 32]] {
                    for mut layer in [ring(), kms()] {
                        note(layer.aad(kind, place, &binding));
                        if let Head::Raw(raw) = &mut layer.head {
                            raw.base_nonce[3] ^= 1;
                            note(layer.aad(kind, place, &binding));
                        }
                        if let KeyReference::Kms(kms) = &mut layer.key {
                            kms.arn.push('x');
                            note(layer.aad(kind, place, &binding));
                        }
                    }
                }
            }
        }
    }
}
