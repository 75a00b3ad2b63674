//! `StreamSettings`: numbers with their units and defaults.

use crate::{faults::Faults, quota::KinesisLimits};
use cistern_storage_core::Durability;
use std::{sync::Arc, time::Duration};

/// How streams behave, apart from what each is created with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamSettings {
    /// The region in ARNs. Default: `us-east-1`.
    pub region: Box<str>,
    /// The account in ARNs and messages: twelve digits. Default: `000000000000`.
    pub account: Box<str>,
    /// How safe a put is before it is acknowledged, unless the stream or the call says otherwise.
    /// Default: synced.
    pub durability: Durability,
    /// How many bytes of recent records each shard keeps in memory, for readers at the tip. Default:
    /// 1 MiB. An idle shard keeps what it has.
    pub recent_bytes_max: usize,
    /// From this size on, the records of one commit lie in a blob instead of a row. Default: 4 KiB.
    pub inline_bytes_max: usize,
    /// How many bytes of records put at [`Durability::Memory`] a shard collects before it commits
    /// them. Default: 64 KiB.
    pub memory_chunk_bytes: usize,
    /// How long a change of a stream takes, on the store's clock: how long it is CREATING, UPDATING
    /// or DELETING. Default: no time at all.
    pub transition: Duration,
    /// How long a put's idempotency token is remembered. Default: 5 minutes.
    pub token_window: Duration,
    /// What each shard takes and gives in a second. Default: whatever the machine does.
    pub limits: Option<KinesisLimits>,
    /// Failures that are asked for, to test those who use streams. Default: none.
    pub faults: Option<Arc<Faults>>,
    /// The shortest retention that a stream may have. Default: a second.
    pub retention_min: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            region: "us-east-1".into(),
            account: "000000000000".into(),
            durability: Durability::Synced,
            recent_bytes_max: 1 << 20,
            inline_bytes_max: 4 << 10,
            memory_chunk_bytes: 64 << 10,
            transition: Duration::ZERO,
            token_window: Duration::from_secs(300),
            limits: None,
            faults: None,
            retention_min: Duration::from_secs(1),
        }
    }
}

impl StreamSettings {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Kinesis's own bounds: its limits for each shard, and no retention below 24 hours.
    #[must_use]
    pub fn kinesis() -> Self {
        let retention_min =
            Duration::from_secs(u64::from(crate::limits::RETENTION_HOURS_MIN) * 3600);
        Self { retention_min, limits: Some(KinesisLimits::provisioned()), ..Self::default() }
    }

    /// Sets the region in ARNs.
    #[must_use]
    pub fn region(mut self, region: impl Into<Box<str>>) -> Self {
        self.region = region.into();
        self
    }

    /// Sets the account in ARNs.
    #[must_use]
    pub fn account(mut self, account: impl Into<Box<str>>) -> Self {
        self.account = account.into();
        self
    }

    /// Sets how safe a put is before it is acknowledged.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets how many bytes of recent records each shard keeps in memory.
    #[must_use]
    pub fn recent_bytes_max(mut self, bytes: usize) -> Self {
        self.recent_bytes_max = bytes;
        self
    }

    /// Sets from which size on the records of one commit lie in a blob.
    #[must_use]
    pub fn inline_bytes_max(mut self, bytes: usize) -> Self {
        self.inline_bytes_max = bytes;
        self
    }

    /// Sets how many bytes of records put in memory alone a shard collects before it commits them.
    #[must_use]
    pub fn memory_chunk_bytes(mut self, bytes: usize) -> Self {
        self.memory_chunk_bytes = bytes;
        self
    }

    /// Sets how long a change of a stream takes.
    #[must_use]
    pub fn transition(mut self, transition: Duration) -> Self {
        self.transition = transition;
        self
    }

    /// Sets how long a put's idempotency token is remembered.
    #[must_use]
    pub fn token_window(mut self, window: Duration) -> Self {
        self.token_window = window;
        self
    }

    /// Puts limits in force.
    #[must_use]
    pub fn limits(mut self, limits: KinesisLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Asks for failures.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = Some(Arc::new(faults));
        self
    }
}
