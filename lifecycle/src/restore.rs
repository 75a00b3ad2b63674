//! Restore requests: what the documents say, and what becomes of them in classes and in tiers. The
//! restore itself, whose state follows from the time, is the store's: [`Restore`].

use crate::{
    document,
    error::{Error, Result},
    policy::DAYS_MAX,
    tiering::AccessTier,
};
use cistern_storage_core::{
    Days, StorageClass, Timestamp,
    restore::{RestoreRefusal, RestoreWish},
};

pub use cistern_storage_core::restore::{
    Archive, HUGE_BYTES, Restore, RestoreAnswer, RestoreState, RestoreTier, RestoreTimes,
};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RestoreRequest {
    /// How long the copy is kept; must be given for classes, and must not for tiers.
    pub days: Option<Days>,
    /// How fast.
    pub tier: RestoreTier,
}

impl RestoreRequest {
    /// A copy for so many days, at the standard speed.
    #[must_use]
    pub fn days(days: Days) -> Self {
        Self { days: Some(days), tier: RestoreTier::Standard }
    }

    /// Back to the frequent tier, at the standard speed.
    #[must_use]
    pub fn to_frequent_tier() -> Self {
        Self::default()
    }

    /// Another speed.
    #[must_use]
    pub fn tier(mut self, tier: RestoreTier) -> Self {
        self.tier = tier;
        self
    }

    /// Reads the body of S3's `RestoreObject`. Queries over archives are not read.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_xml(text: &str) -> Result<Self> {
        document::restore::read(&document::xml::read(text, document::restore::ROOT)?)
    }

    /// The body of S3's `RestoreObject`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        document::xml::write(&document::restore::write(self))
    }

    /// Reads the JSON that the AWS CLI takes.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_json(text: &str) -> Result<Self> {
        document::restore::read(&document::json::read(text, document::restore::ROOT)?)
    }

    /// The JSON that the AWS CLI takes.
    #[must_use]
    pub fn to_json(&self) -> String {
        document::json::write(&document::restore::write(self))
    }
}

/// The object that a restore is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Its class.
    pub class: StorageClass,
    /// Its tier, which counts in `INTELLIGENT_TIERING` alone.
    pub tier: AccessTier,
    /// Its size.
    pub size: u64,
}

impl Archived {
    /// The archive that the object lies in; `None` when it can be read as it is.
    #[must_use]
    pub const fn archive(self) -> Option<Archive> {
        match (self.class, self.tier) {
            (StorageClass::IntelligentTiering, AccessTier::Archive) => Some(Archive::Flexible),
            (StorageClass::IntelligentTiering, AccessTier::DeepArchive) => Some(Archive::Deep),
            (class, _) => Archive::of_class(class),
        }
    }

    /// What a request at `now` does to the object, whose restore so far is `current`.
    ///
    /// # Errors
    /// [`Error::InvalidObjectState`] for an object that is not archived,
    /// [`Error::RestoreAlreadyInProgress`] when one as fast runs, [`Error::InvalidRestore`] for days
    /// that are missing, or not wanted, and for a tier that the archive does not have.
    ///
    /// Law: S3, RestoreObject.
    pub fn request_restore(
        self,
        current: Option<&Restore>,
        asked: RestoreRequest,
        now: Timestamp,
        times: &RestoreTimes,
    ) -> Result<(Restore, RestoreAnswer)> {
        let archive = self.archive().ok_or_else(|| self.error())?;
        check_days(self, asked.days)?;
        let RestoreRequest { days, tier } = asked;
        let wish = RestoreWish { archive, size: self.size, days, tier };
        Restore::begin(wish, current, now, times).map_err(|refusal| match refusal {
            RestoreRefusal::AlreadyInProgress => Error::RestoreAlreadyInProgress,
            RestoreRefusal::NoSuchTier => {
                Error::InvalidRestore { reason: "a deep archive has no expedited restores", days }
            }
        })
    }

    fn error(self) -> Error {
        let tiers = self.class == StorageClass::IntelligentTiering;
        Error::InvalidObjectState { class: self.class, tier: tiers.then_some(self.tier) }
    }

    /// Whether the bytes may be read at `now`.
    ///
    /// # Errors
    /// [`Error::InvalidObjectState`] for archived bytes without a restored copy.
    ///
    /// Law: S3, archived objects are restored before they are read.
    pub fn check_readable(self, restore: Option<&Restore>, now: Timestamp) -> Result<()> {
        let restored = restore.is_some_and(|restore| restore.is_readable(now));
        if self.archive().is_some() && !restored { Err(self.error()) } else { Ok(()) }
    }
}

fn check_days(object: Archived, days: Option<Days>) -> Result<()> {
    let reason = match (object.class == StorageClass::IntelligentTiering, days) {
        (true, None) => return Ok(()),
        (true, Some(_)) => "an object of INTELLIGENT_TIERING comes back for good, without Days",
        (false, None) => "Days says how long the copy is kept",
        (false, Some(Days(1..=DAYS_MAX))) => return Ok(()),
        (false, Some(_)) => "Days is a positive integer",
    };
    Err(Error::InvalidRestore { reason, days })
}

#[cfg(test)]
mod tests;
