//! The rows of the key service.
//!
//! ```text
//! key    `k` UUID[16]                a key
//!        `a` name                    an alias: UUID[16]
//!        `g` UUID[16] id of a grant  a grant
//! value  XAES nonce[24], ciphertext, tag[16], under the ring's key for rows, bound to the row's key
//! ```
//!
//! So a row is secret and authentic, and none can stand in the place of another. What is not seen is a row
//! that was set back to an older state of its own.

use super::{
    grant::{Grant, GrantConstraint},
    key::{
        ImportToken, KeyManager, KeyOrigin, KeyRecord, KeySpec, KeyStatus, KeyUuid, Material,
        Rotation, RotationKind, Secret,
    },
    operation::Operation,
};
use crate::{
    codec::{Damage, Decoder, Encoder},
    context::EncryptionContext,
    envelope::{decode_context, encode_context},
};
use cistern_storage_core::Timestamp;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const VERSION: u8 = 1;

type Result<T> = std::result::Result<T, Damage>;

pub(crate) fn key_row(id: KeyUuid) -> Vec<u8> {
    [b"k", &id.0[..]].concat()
}

pub(crate) fn alias_row(name: &str) -> Vec<u8> {
    [b"a", name.as_bytes()].concat()
}

pub(crate) fn grant_row(key: KeyUuid, grant: &str) -> Vec<u8> {
    [b"g", &key.0[..], grant.as_bytes()].concat()
}

/// A row, by its key.
pub(crate) enum RowKey<'a> {
    Key,
    Alias(&'a str),
    Grant(KeyUuid),
}

pub(crate) fn parse_row_key(key: &[u8]) -> Result<RowKey<'_>> {
    let unknown = Damage("the kind of a row is not known");
    match key.split_first() {
        Some((b'k', id)) if id.len() == 16 => Ok(RowKey::Key),
        Some((b'a', name)) => std::str::from_utf8(name).map(RowKey::Alias).map_err(|_| unknown),
        Some((b'g', rest)) => {
            rest.first_chunk().map(|id| RowKey::Grant(KeyUuid(*id))).ok_or(unknown)
        }
        _ => Err(unknown),
    }
}

pub(crate) fn encode_key(key: &KeyRecord) -> Zeroizing<Vec<u8>> {
    let texts = key.description.len() + key.policy.as_ref().map_or(0, String::len);
    let tags: usize = key.tags.iter().map(|(key, value)| key.len() + value.len() + 4).sum();
    let mut encoder = Encoder::with_room(256 + texts + tags + key.materials.len() * 160);
    encoder.u8(VERSION);
    encoder.raw(&key.id.0);
    encoder.u8(key.spec.number());
    encoder.u8((key.origin == KeyOrigin::External).into());
    encoder.u8((key.manager == KeyManager::Service).into());
    encode_status(&mut encoder, key.status);
    encoder.i64(key.created.as_millis());
    encoder.long(key.description.as_bytes());
    encoder.u8(key.policy.is_some().into());
    if let Some(policy) = &key.policy {
        encoder.long(policy.as_bytes());
    }
    encoder.u16(key.rotation.map_or(0, |rotation| rotation.period_days));
    encoder.i64(key.rotation.map_or(0, |rotation| rotation.next.as_millis()));
    encoder.u8(key.on_demand);
    encoder.u32(u32::try_from(key.materials.len()).expect("materials are few"));
    for material in &key.materials {
        encode_material(&mut encoder, material);
    }
    encoder.u8(key.import.is_some().into());
    if let Some(import) = &key.import {
        encoder.raw(&import.token);
        encoder.i64(import.until.as_millis());
    }
    encoder.u16(u16::try_from(key.tags.len()).expect("tags are at most 50"));
    for (key, value) in &key.tags {
        encoder.short(key.as_bytes());
        encoder.short(value.as_bytes());
    }
    encoder.finish_secret()
}

fn encode_status(encoder: &mut Encoder, status: KeyStatus) {
    match status {
        KeyStatus::Enabled => encoder.u8(1),
        KeyStatus::Disabled => encoder.u8(2),
        KeyStatus::PendingDeletion { at } => {
            encoder.u8(3);
            encoder.i64(at.as_millis());
        }
        KeyStatus::PendingImport => encoder.u8(4),
    }
}

fn encode_material(encoder: &mut Encoder, material: &Material) {
    encoder.raw(&material.id);
    encoder.i64(material.created.as_millis());
    encoder.u8(match material.kind {
        RotationKind::First => 1,
        RotationKind::Automatic => 2,
        RotationKind::OnDemand => 3,
    });
    encoder.short(material.secret.as_ref().map_or(&[], |secret| &secret.bytes[..]));
    encoder.maybe_i64(material.expires.map(Timestamp::as_millis));
}

pub(crate) fn decode_key(bytes: &[u8]) -> Result<KeyRecord> {
    let mut decoder = Decoder::new(bytes);
    if decoder.u8()? != VERSION {
        return Err(Damage("its version is not known"));
    }
    let id = KeyUuid(decoder.array()?);
    let spec = KeySpec::of_number(decoder.u8()?).ok_or(Damage("its spec is not known"))?;
    let origin = if decoder.flag()? { KeyOrigin::External } else { KeyOrigin::Service };
    let manager = if decoder.flag()? { KeyManager::Service } else { KeyManager::Customer };
    let status = decode_status(&mut decoder)?;
    let created = Timestamp::from_millis(decoder.i64()?);
    let description = decoder.long_text()?;
    let policy = if decoder.flag()? { Some(decoder.long_text()?) } else { None };
    let period_days = decoder.u16()?;
    let next = Timestamp::from_millis(decoder.i64()?);
    let rotation = (period_days > 0).then_some(Rotation { period_days, next });
    let on_demand = decoder.u8()?;
    let mut materials = Vec::new();
    for _ in 0..decoder.u32()? {
        materials.push(decode_material(&mut decoder, spec)?);
    }
    let import = match decoder.flag()? {
        true => Some(ImportToken {
            token: decoder.array()?,
            until: Timestamp::from_millis(decoder.i64()?),
        }),
        false => None,
    };
    let mut tags = BTreeMap::new();
    for _ in 0..decoder.u16()? {
        tags.insert(decoder.short_text()?, decoder.short_text()?);
    }
    decoder.end()?;
    Ok(KeyRecord {
        id,
        spec,
        origin,
        manager,
        status,
        created,
        description,
        policy,
        rotation,
        on_demand,
        materials,
        import,
        tags,
        grants: Vec::new(),
    })
}

fn decode_status(decoder: &mut Decoder<'_>) -> Result<KeyStatus> {
    match decoder.u8()? {
        1 => Ok(KeyStatus::Enabled),
        2 => Ok(KeyStatus::Disabled),
        3 => Ok(KeyStatus::PendingDeletion { at: Timestamp::from_millis(decoder.i64()?) }),
        4 => Ok(KeyStatus::PendingImport),
        _ => Err(Damage("its state is not known")),
    }
}

fn decode_material(decoder: &mut Decoder<'_>, spec: KeySpec) -> Result<Material> {
    let id = decoder.array()?;
    let created = Timestamp::from_millis(decoder.i64()?);
    let kind = match decoder.u8()? {
        1 => RotationKind::First,
        2 => RotationKind::Automatic,
        3 => RotationKind::OnDemand,
        _ => return Err(Damage("the kind of a rotation is not known")),
    };
    let secret = decoder.short()?;
    if !secret.is_empty() && secret.len() != spec.material_bytes() {
        return Err(Damage("a material has not the length of its spec"));
    }
    let secret = (!secret.is_empty()).then(|| Secret::new(spec, Zeroizing::new(secret.to_vec())));
    let expires = decoder.maybe_i64()?.map(Timestamp::from_millis);
    Ok(Material { id, created, kind, secret, expires })
}

pub(crate) fn encode_grant(grant: &Grant) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.u8(VERSION);
    for text in [&grant.id, &grant.token, &grant.grantee] {
        encoder.short(text.as_bytes());
    }
    for text in [&grant.retiring, &grant.name] {
        encoder.u8(text.is_some().into());
        encoder.short(text.as_deref().unwrap_or_default().as_bytes());
    }
    encoder.i64(grant.created.as_millis());
    encoder.u16(u16::try_from(grant.operations.len()).expect("operations are few"));
    for operation in &grant.operations {
        encoder.short(operation.name().as_bytes());
    }
    let (number, context) = match &grant.constraint {
        GrantConstraint::None => (0, None),
        GrantConstraint::Equals(context) => (1, Some(context)),
        GrantConstraint::Subset(context) => (2, Some(context)),
    };
    encoder.u8(number);
    encode_context(&mut encoder, context.unwrap_or(&EncryptionContext::new()));
    encoder.finish()
}

pub(crate) fn decode_grant(bytes: &[u8]) -> Result<Grant> {
    let mut decoder = Decoder::new(bytes);
    if decoder.u8()? != VERSION {
        return Err(Damage("its version is not known"));
    }
    let (id, token, grantee) =
        (decoder.short_text()?, decoder.short_text()?, decoder.short_text()?);
    let mut optional = || -> Result<Option<String>> {
        let there = decoder.flag()?;
        let text = decoder.short_text()?;
        Ok(there.then_some(text))
    };
    let (retiring, name) = (optional()?, optional()?);
    let created = Timestamp::from_millis(decoder.i64()?);
    let mut operations = Vec::new();
    for _ in 0..decoder.u16()? {
        let name = decoder.short_text()?;
        let known = Operation::ALL.iter().find(|operation| operation.name() == name);
        operations.push(*known.ok_or(Damage("an operation is not known"))?);
    }
    let number = decoder.u8()?;
    let context = decode_context(&mut decoder)?;
    let constraint = match number {
        0 => GrantConstraint::None,
        1 => GrantConstraint::Equals(context),
        2 => GrantConstraint::Subset(context),
        _ => return Err(Damage("a constraint is not known")),
    };
    decoder.end()?;
    Ok(Grant { id, token, grantee, retiring, operations, constraint, name, created })
}
