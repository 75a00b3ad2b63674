//! The stored shape of a bucket and its configuration.

use super::{
    codec::{Damage, Decoder, Encoder},
    object_row::{boxed, decode_pairs, encode_pairs},
};
use crate::{
    bucket_config::{BucketConfig, ChangeFeed, LifecycleDocument},
    object_lock::{DefaultRetention, ObjectLockConfig, RetentionMode, RetentionPeriod},
    port::Durability,
    tags::BucketTags,
    time::Timestamp,
    versioning::Versioning,
};
use bytes::Bytes;

/// A bucket.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BucketRow {
    /// Stands for the bucket in row keys; never used again.
    pub(crate) id: u32,
    pub(crate) created: Timestamp,
    pub(crate) config: BucketConfig,
}

const FORMAT: u8 = 1;

mod field {
    pub(super) const LIFECYCLE: u8 = 1;
}

impl BucketRow {
    pub(crate) fn encode(&self) -> Bytes {
        let config = &self.config;
        let mut row = Encoder::with_capacity(64);
        row.u8(FORMAT);
        row.u32(self.id);
        row.i64(self.created.as_millis());
        row.u8(config.versioning.code());
        row.optional(config.durability, |row, durability| {
            row.u8(match durability {
                Durability::Memory => 0,
                Durability::Os => 1,
                Durability::Synced => 2,
            });
        });
        row.u8(u8::from(config.change_feed == ChangeFeed::On));
        row.optional(config.object_lock.as_ref(), |row, lock| {
            row.optional(lock.default_retention.as_ref(), encode_default_retention);
        });
        encode_pairs(config.tags.iter(), &mut row);
        if let Some(lifecycle) = &config.lifecycle {
            row.u8(field::LIFECYCLE);
            row.bytes(lifecycle.xml().as_bytes());
            row.bytes(lifecycle.minimum_size().as_bytes());
        }
        row.finish()
    }

    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        let mut row = Decoder::new(bytes);
        if row.u8()? != FORMAT {
            return Err(Damage("an unknown format of a bucket"));
        }
        let id = row.u32()?;
        let created = Timestamp::from_millis(row.i64()?);
        let versioning =
            Versioning::from_code(row.u8()?).ok_or(Damage("an unknown versioning state"))?;
        let durability = row.optional(|row| match row.u8()? {
            0 => Ok(Durability::Memory),
            1 => Ok(Durability::Os),
            2 => Ok(Durability::Synced),
            _ => Err(Damage("an unknown durability")),
        })?;
        let change_feed = match row.u8()? {
            0 => ChangeFeed::Off,
            1 => ChangeFeed::On,
            _ => return Err(Damage("an unknown state of the change feed")),
        };
        let object_lock = row.optional(|row| {
            Ok(ObjectLockConfig { default_retention: row.optional(decode_default_retention)? })
        })?;
        let tags = BucketTags::from_stored(boxed(decode_pairs(&mut row)?))
            .ok_or(Damage("tags out of order"))?;
        let lifecycle = decode_lifecycle(&mut row)?;
        row.finish()?;
        let config =
            BucketConfig { versioning, durability, change_feed, object_lock, tags, lifecycle };
        Ok(Self { id, created, config })
    }
}

/// What follows the tags, where it is there: rows of before end with them.
fn decode_lifecycle(row: &mut Decoder<'_>) -> Result<Option<LifecycleDocument>, Damage> {
    if row.is_at_end() {
        return Ok(None);
    }
    match row.u8()? {
        field::LIFECYCLE => Ok(Some(LifecycleDocument::new(row.str()?, row.str()?))),
        _ => Err(Damage("an unknown field of a bucket")),
    }
}

fn encode_default_retention(row: &mut Encoder, retention: &DefaultRetention) {
    row.u8(match retention.mode() {
        RetentionMode::Governance => 1,
        RetentionMode::Compliance => 2,
    });
    match retention.period() {
        RetentionPeriod::Days(days) => {
            row.u8(0);
            row.u32(days);
        }
        RetentionPeriod::Years(years) => {
            row.u8(1);
            row.u32(years);
        }
    }
}

fn decode_default_retention(row: &mut Decoder<'_>) -> Result<DefaultRetention, Damage> {
    let mode = match row.u8()? {
        1 => RetentionMode::Governance,
        2 => RetentionMode::Compliance,
        _ => return Err(Damage("an unknown retention mode")),
    };
    let period = match row.u8()? {
        0 => RetentionPeriod::Days(row.u32()?),
        1 => RetentionPeriod::Years(row.u32()?),
        _ => return Err(Damage("an unknown retention period")),
    };
    DefaultRetention::new(mode, period).map_err(|_| Damage("a retention against its rules"))
}
