//! `Settings`: the store's numbers and choices, each with its unit and default.

use crate::{limits::Limits, port::Durability, restore::RestoreTimes};

/// What entity tags are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EtagMode {
    /// The MD5 of the body, as S3 does it. Hashes about half a GB a second: the ceiling of a put.
    #[default]
    Md5,
    /// A value of its own for every write. S3 does so for objects under SSE-KMS. Costs nothing, and
    /// tells apart two writes of the same bytes.
    Opaque,
}

/// The store's numbers and choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// What entity tags are made of. Default: MD5.
    pub etag: EtagMode,
    /// How safe a write is before it is acknowledged, unless the bucket or the call says otherwise.
    /// Default: synced.
    pub durability: Durability,
    /// The limits in force. Default: [`Limits::current`].
    pub limits: Limits,
    /// How long restores of archived objects take. Default: [`RestoreTimes::LONGEST`].
    pub restore_times: RestoreTimes,
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
