//! The waterfall: which class may move to which, what wins, and how long it must stay.

use crate::tiering::AccessTier;
use cistern_storage_core::StorageClass::{
    self, DeepArchive, Glacier, GlacierIr, IntelligentTiering, OnezoneIa, ReducedRedundancy,
    Standard, StandardIa,
};

/// The classes that lifecycle moves to; the first wins when several are due together.
///
/// Law: S3, lifecycle conflicts.
pub const TARGETS: [StorageClass; 6] =
    [DeepArchive, Glacier, IntelligentTiering, GlacierIr, OnezoneIa, StandardIa];

/// The place of a class in [`TARGETS`]; `None` for one that lifecycle moves nothing into.
#[must_use]
pub fn target_rank(class: StorageClass) -> Option<usize> {
    TARGETS.iter().position(|target| *target == class)
}

/// Whether an object may move from a class (and its tier, of `INTELLIGENT_TIERING`) to another.
///
/// Objects of `REDUCED_REDUNDANCY` move as those of `STANDARD`.
///
/// Law: S3, lifecycle supported transitions.
#[must_use]
pub fn may_move(from: StorageClass, tier: AccessTier, to: StorageClass) -> bool {
    let allowed: &[StorageClass] = match (from, tier) {
        (Standard | ReducedRedundancy, _) => &TARGETS,
        (StandardIa, _) => &[IntelligentTiering, OnezoneIa, GlacierIr, Glacier, DeepArchive],
        (IntelligentTiering, AccessTier::Frequent | AccessTier::Infrequent) => {
            &[OnezoneIa, GlacierIr, Glacier, DeepArchive]
        }
        (IntelligentTiering, AccessTier::ArchiveInstant) => &[GlacierIr, Glacier, DeepArchive],
        (OnezoneIa | GlacierIr, _) | (IntelligentTiering, AccessTier::Archive) => {
            &[Glacier, DeepArchive]
        }
        (Glacier, _) | (IntelligentTiering, AccessTier::DeepArchive) => &[DeepArchive],
        _ => &[],
    };
    allowed.contains(&to)
}

/// The fewest days at which a rule may move to `class`.
///
/// Law: S3, lifecycle transition constraints.
#[must_use]
pub fn days_before(class: StorageClass) -> u32 {
    if matches!(class, StandardIa | OnezoneIa) { 30 } else { 0 }
}

/// The fewest days between a move to `class` and the next, within one rule.
///
/// Law: S3, lifecycle transition constraints.
#[must_use]
pub fn days_within(class: StorageClass) -> u32 {
    match class {
        StandardIa | OnezoneIa => 30,
        GlacierIr | Glacier => 90,
        _ => 0,
    }
}

/// What moves by default: objects below this stay where they are.
///
/// Law: S3, lifecycle small objects.
pub const SMALL_OBJECT_BYTES: u64 = 131_072;

/// What happens to objects below [`SMALL_OBJECT_BYTES`] under rules that do not speak of sizes: the
/// header `x-amz-transition-default-minimum-object-size`.
///
/// Law: S3, lifecycle small objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TransitionMinimumSize {
    /// They never move.
    #[default]
    AllStorageClasses128K,
    /// They move to `GLACIER` and `DEEP_ARCHIVE` alone.
    VariesByStorageClass,
}

impl TransitionMinimumSize {
    /// The header's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllStorageClasses128K => "all_storage_classes_128K",
            Self::VariesByStorageClass => "varies_by_storage_class",
        }
    }

    /// Whether an object of this size may move to `class` by default.
    #[must_use]
    pub fn allows(self, size: u64, class: StorageClass) -> bool {
        size >= SMALL_OBJECT_BYTES
            || self == Self::VariesByStorageClass && matches!(class, Glacier | DeepArchive)
    }
}

impl std::fmt::Display for TransitionMinimumSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for TransitionMinimumSize {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        [Self::AllStorageClasses128K, Self::VariesByStorageClass]
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or_else(|| crate::Error::InvalidMinimumSize { found: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(from: StorageClass, tier: AccessTier, to: &[StorageClass]) {
        for class in StorageClass::ALL {
            assert_eq!(may_move(from, tier, class), to.contains(&class), "{from} to {class}");
        }
    }

    // Law-test: S3, lifecycle supported transitions.
    #[test]
    fn objects_move_down_the_waterfall_alone() {
        let any = AccessTier::Frequent;
        check(Standard, any, &TARGETS);
        check(ReducedRedundancy, any, &TARGETS);
        check(StandardIa, any, &[IntelligentTiering, OnezoneIa, GlacierIr, Glacier, DeepArchive]);
        check(OnezoneIa, any, &[Glacier, DeepArchive]);
        check(GlacierIr, any, &[Glacier, DeepArchive]);
        check(Glacier, any, &[DeepArchive]);
        check(DeepArchive, any, &[]);
        check(StorageClass::ExpressOnezone, any, &[]);
        let tiering = IntelligentTiering;
        let upper = [OnezoneIa, GlacierIr, Glacier, DeepArchive];
        check(tiering, AccessTier::Frequent, &upper);
        check(tiering, AccessTier::Infrequent, &upper);
        check(tiering, AccessTier::ArchiveInstant, &[GlacierIr, Glacier, DeepArchive]);
        check(tiering, AccessTier::Archive, &[Glacier, DeepArchive]);
        check(tiering, AccessTier::DeepArchive, &[DeepArchive]);
    }

    // Law-test: S3, lifecycle small objects.
    #[test]
    fn small_objects_stay_but_where_archives_take_them() {
        let (all, varies) = (
            TransitionMinimumSize::AllStorageClasses128K,
            TransitionMinimumSize::VariesByStorageClass,
        );
        for class in TARGETS {
            assert!(all.allows(131_072, class));
            assert!(!all.allows(131_071, class));
            let archive = matches!(class, Glacier | DeepArchive);
            assert_eq!(varies.allows(10 << 10, class), archive);
        }
        for one in [all, varies] {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        let error = "128K".parse::<TransitionMinimumSize>().unwrap_err();
        assert_eq!(error.code(), "InvalidRequest");
    }
}
