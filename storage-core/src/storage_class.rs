//! `StorageClass`: what an object's keeping costs, and how it is got back.

use crate::error::{Error, Result};
use std::{fmt, str::FromStr};

/// Where an object is kept.
///
/// Sizes and durations here are rules of billing: no class refuses a small object or an early
/// delete. [`Retrieval`] is enforced: bytes of an archive are read once a copy of them is restored.
///
/// Law: S3, storage classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StorageClass {
    /// Read often. The default.
    #[default]
    Standard,
    /// Cheaper once, and less durable; kept for what was written long ago.
    ReducedRedundancy,
    /// Read seldom, and then at once.
    StandardIa,
    /// As `StandardIa`, in one zone.
    OnezoneIa,
    /// Moves between tiers by itself, by how often it is read.
    IntelligentTiering,
    /// An archive that is read at once.
    GlacierIr,
    /// An archive that is restored within hours.
    Glacier,
    /// An archive that is restored within two days.
    DeepArchive,
    /// One zone, fast, for directory buckets.
    ExpressOnezone,
}

impl StorageClass {
    /// Every class, in the order of their codes.
    pub const ALL: [Self; 9] = [
        Self::Standard,
        Self::ReducedRedundancy,
        Self::StandardIa,
        Self::OnezoneIa,
        Self::IntelligentTiering,
        Self::GlacierIr,
        Self::Glacier,
        Self::DeepArchive,
        Self::ExpressOnezone,
    ];

    /// The name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::ReducedRedundancy => "REDUCED_REDUNDANCY",
            Self::StandardIa => "STANDARD_IA",
            Self::OnezoneIa => "ONEZONE_IA",
            Self::IntelligentTiering => "INTELLIGENT_TIERING",
            Self::GlacierIr => "GLACIER_IR",
            Self::Glacier => "GLACIER",
            Self::DeepArchive => "DEEP_ARCHIVE",
            Self::ExpressOnezone => "EXPRESS_ONEZONE",
        }
    }

    /// The number that stored rows use. Never changed, never reused.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Standard => 0,
            Self::ReducedRedundancy => 1,
            Self::StandardIa => 2,
            Self::OnezoneIa => 3,
            Self::IntelligentTiering => 4,
            Self::GlacierIr => 5,
            Self::Glacier => 6,
            Self::DeepArchive => 7,
            Self::ExpressOnezone => 8,
        }
    }

    /// The class of a stored number; `None` when this version does not know it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// What is true of the class.
    ///
    /// Law: S3, storage classes.
    #[must_use]
    pub const fn facts(self) -> &'static ClassFacts {
        match self {
            Self::Standard => &STANDARD,
            Self::ReducedRedundancy => &REDUCED_REDUNDANCY,
            Self::StandardIa => &STANDARD_IA,
            Self::OnezoneIa => &ONEZONE_IA,
            Self::IntelligentTiering => &INTELLIGENT_TIERING,
            Self::GlacierIr => &GLACIER_IR,
            Self::Glacier => &GLACIER,
            Self::DeepArchive => &DEEP_ARCHIVE,
            Self::ExpressOnezone => &EXPRESS_ONEZONE,
        }
    }

    /// Whether its bytes must be restored before they can be read.
    #[must_use]
    pub const fn is_archive(self) -> bool {
        matches!(self.facts().retrieval, Retrieval::Restore)
    }

    /// Whether an object of a general purpose bucket may be put into it.
    ///
    /// Law: S3, PutObject storage class.
    #[must_use]
    pub const fn is_general_purpose(self) -> bool {
        !matches!(self, Self::ExpressOnezone)
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StorageClass {
    type Err = Error;

    /// Reads the API's name. The classes of appliances and file systems (`OUTPOSTS`, `SNOW`,
    /// `FSX_OPENZFS`, `FSX_ONTAP`) are not ours.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| Error::InvalidStorageClass { class: text.into() })
    }
}

/// What is true of a storage class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassFacts {
    /// In how many zones it is kept, at least.
    pub availability_zones: u8,
    /// Durability by design: how many nines a year.
    pub durability_nines: u8,
    /// Availability by design, in hundredths of a percent; of an archive, once it is restored.
    pub availability_basis_points: u16,
    /// Days that are billed at least.
    pub minimum_days: u32,
    /// Bytes that are billed at least.
    pub minimum_billable_bytes: u64,
    /// Bytes added to each object, billed at this class.
    pub overhead_bytes: u64,
    /// Bytes added to each object, billed as `STANDARD`.
    pub overhead_standard_bytes: u64,
    /// How its bytes are got back.
    pub retrieval: Retrieval,
    /// Whether getting bytes back is charged by the byte.
    pub has_retrieval_fee: bool,
}

/// How the bytes of a class are got back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retrieval {
    /// By reading them.
    Milliseconds,
    /// By restoring a copy first, which takes minutes to days.
    Restore,
}

const KB: u64 = 1024;

const STANDARD: ClassFacts = ClassFacts {
    availability_zones: 3,
    durability_nines: 11,
    availability_basis_points: 9_999,
    minimum_days: 0,
    minimum_billable_bytes: 0,
    overhead_bytes: 0,
    overhead_standard_bytes: 0,
    retrieval: Retrieval::Milliseconds,
    has_retrieval_fee: false,
};

const REDUCED_REDUNDANCY: ClassFacts = ClassFacts { durability_nines: 4, ..STANDARD };

// Its archive tiers have an overhead and need a restore, but an object says which tier it is in.
const INTELLIGENT_TIERING: ClassFacts = ClassFacts { availability_basis_points: 9_990, ..STANDARD };

const STANDARD_IA: ClassFacts = ClassFacts {
    availability_basis_points: 9_990,
    minimum_days: 30,
    minimum_billable_bytes: 128 * KB,
    has_retrieval_fee: true,
    ..STANDARD
};

const ONEZONE_IA: ClassFacts =
    ClassFacts { availability_zones: 1, availability_basis_points: 9_950, ..STANDARD_IA };

const GLACIER_IR: ClassFacts = ClassFacts { minimum_days: 90, ..STANDARD_IA };

const GLACIER: ClassFacts = ClassFacts {
    minimum_days: 90,
    overhead_bytes: 32 * KB,
    overhead_standard_bytes: 8 * KB,
    retrieval: Retrieval::Restore,
    has_retrieval_fee: true,
    ..STANDARD
};

const DEEP_ARCHIVE: ClassFacts = ClassFacts { minimum_days: 180, ..GLACIER };

const EXPRESS_ONEZONE: ClassFacts = ClassFacts {
    availability_zones: 1,
    availability_basis_points: 9_995,
    has_retrieval_fee: true,
    ..STANDARD
};

#[cfg(test)]
mod tests {
    use super::*;

    // Law-test: S3, storage classes.
    #[test]
    fn names_read_back_and_foreign_ones_are_refused() {
        for class in StorageClass::ALL {
            assert_eq!(class.as_str().parse::<StorageClass>().unwrap(), class);
        }
        for name in ["OUTPOSTS", "SNOW", "FSX_OPENZFS", "FSX_ONTAP", "standard", "", "Glacier"] {
            let error = name.parse::<StorageClass>().unwrap_err();
            assert_eq!((error.code(), error.status()), ("InvalidStorageClass", 400));
        }
        assert_eq!(StorageClass::default(), StorageClass::Standard);
    }

    #[test]
    fn stored_codes_never_change() {
        let codes = StorageClass::ALL.map(StorageClass::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        for class in StorageClass::ALL {
            assert_eq!(StorageClass::from_code(class.code()), Some(class));
        }
        assert_eq!(StorageClass::from_code(9), None);
    }

    // Law-test: S3, storage classes.
    #[test]
    fn the_class_table() {
        #[track_caller]
        fn check(class: StorageClass, zones: u8, availability: u16, days: u32, bytes: u64) {
            let facts = class.facts();
            assert_eq!(facts.availability_zones, zones);
            assert_eq!(facts.availability_basis_points, availability);
            assert_eq!(facts.minimum_days, days);
            assert_eq!(facts.minimum_billable_bytes, bytes);
        }
        check(StorageClass::Standard, 3, 9_999, 0, 0);
        check(StorageClass::ReducedRedundancy, 3, 9_999, 0, 0);
        check(StorageClass::IntelligentTiering, 3, 9_990, 0, 0);
        check(StorageClass::StandardIa, 3, 9_990, 30, 131_072);
        check(StorageClass::OnezoneIa, 1, 9_950, 30, 131_072);
        check(StorageClass::GlacierIr, 3, 9_990, 90, 131_072);
        check(StorageClass::Glacier, 3, 9_999, 90, 0);
        check(StorageClass::DeepArchive, 3, 9_999, 180, 0);
        check(StorageClass::ExpressOnezone, 1, 9_995, 0, 0);
        for class in StorageClass::ALL {
            let facts = class.facts();
            let archive = matches!(class, StorageClass::Glacier | StorageClass::DeepArchive);
            assert_eq!(class.is_archive(), archive);
            assert_eq!(facts.overhead_bytes, if archive { 32_768 } else { 0 });
            assert_eq!(facts.overhead_standard_bytes, if archive { 8_192 } else { 0 });
            let reduced = class == StorageClass::ReducedRedundancy;
            assert_eq!(facts.durability_nines, if reduced { 4 } else { 11 });
        }
    }

    // Law-test: S3, PutObject storage class.
    #[test]
    fn general_purpose_buckets_take_every_class_but_express() {
        for class in StorageClass::ALL {
            assert_eq!(class.is_general_purpose(), class != StorageClass::ExpressOnezone);
        }
    }
}
