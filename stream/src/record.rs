//! `Entry` and `Record`: what goes into a stream, and what comes out of it.

use crate::{
    error::{Error, Result},
    hash_key::HashKey,
    sequence_number::SequenceNumber,
    shard_id::ShardId,
};
use bytes::Bytes;
use cistern_storage_core::{Durability, Timestamp};

/// A record on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) partition_key: Box<str>,
    pub(crate) explicit_hash_key: Option<HashKey>,
    pub(crate) data: Bytes,
}

/// The longest partition key, in characters.
///
/// Law: Kinesis, PutRecord: PartitionKey.
pub const PARTITION_KEY_CHARACTERS_MAX: usize = 256;

impl Entry {
    /// `data` under `partition_key`, which chooses the shard: 1 to 256 characters.
    ///
    /// # Errors
    /// [`Error::Validation`] for a key that is empty or too long.
    pub fn new(partition_key: impl Into<Box<str>>, data: impl Into<Bytes>) -> Result<Self> {
        let partition_key = partition_key.into();
        check_partition_key(&partition_key)?;
        Ok(Self { partition_key, explicit_hash_key: None, data: data.into() })
    }

    /// The record goes where `key` lies, instead of where its partition key does. It is not stored.
    #[must_use]
    pub fn explicit_hash_key(mut self, key: HashKey) -> Self {
        self.explicit_hash_key = Some(key);
        self
    }

    /// The partition key.
    #[must_use]
    pub fn partition_key(&self) -> &str {
        &self.partition_key
    }

    /// The data.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Where it goes.
    #[must_use]
    pub fn hash_key(&self) -> HashKey {
        self.explicit_hash_key.unwrap_or_else(|| HashKey::of_partition_key(&self.partition_key))
    }

    /// What counts against limits: the data and the partition key, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        (self.data.len() + self.partition_key.len()) as u64
    }
}

pub(crate) fn check_partition_key(key: &str) -> Result<()> {
    // A character is at least one byte: most keys need not be counted.
    let too_long = key.len() > PARTITION_KEY_CHARACTERS_MAX
        && key.chars().count() > PARTITION_KEY_CHARACTERS_MAX;
    if key.is_empty() || too_long {
        return Err(Error::validation(
            "partitionKey",
            key,
            "Member must have length greater than or equal to 1 and less than or equal to 256",
        ));
    }
    Ok(())
}

/// A record that was read. Its bytes may pin the chunk that they lie in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its number.
    pub sequence_number: SequenceNumber,
    /// When the stream took it in, on the store's clock; never earlier than the record before it in
    /// the shard.
    pub arrived: Timestamp,
    /// What it is about: chose the shard.
    pub partition_key: PartitionKey,
    /// What it says.
    pub data: Bytes,
    /// Whether it lay sealed.
    pub encrypted: bool,
}

impl Record {
    /// The shard it is in.
    #[must_use]
    pub fn shard_id(&self) -> ShardId {
        self.sequence_number.shard_id()
    }
}

/// The partition key of a record that was read: shares the record's memory.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey(Bytes);

impl PartitionKey {
    /// `None` when the bytes are not UTF-8.
    pub(crate) fn new(bytes: Bytes) -> Option<Self> {
        std::str::from_utf8(&bytes).ok()?;
        Some(Self(bytes))
    }

    /// A copy of a key that was checked.
    pub(crate) fn of(key: &str) -> Self {
        Self(Bytes::copy_from_slice(key.as_bytes()))
    }

    /// The key as text.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "checked when it was made")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("checked when it was made")
    }
}

impl std::ops::Deref for PartitionKey {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Debug for PartitionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq<&str> for PartitionKey {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// What a put answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The record's number.
    pub sequence_number: SequenceNumber,
    /// How safe the record is by now.
    pub durability: Durability,
    /// True when the record was there already, under the same token.
    pub repeated: bool,
}

impl Receipt {
    /// The shard that took the record.
    #[must_use]
    pub fn shard_id(&self) -> ShardId {
        self.sequence_number.shard_id()
    }
}
