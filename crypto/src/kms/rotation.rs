//! New material for old keys. What was encrypted under the old stays readable for ever.

use super::{
    KmsCall, KmsError,
    data::name_of,
    key::{KeyOrigin, KeyRecord, KeySpec, KeyStatus, Rotation, RotationKind},
    operation::Operation,
    service::LocalKms,
};
use cistern_storage_core::{Days, Timestamp};

type Result<T> = std::result::Result<T, KmsError>;

/// Law: KMS, automatic rotation every 90 to 2560 days, 365 unless said otherwise.
const PERIOD_DAYS: std::ops::RangeInclusive<u16> = 90..=2560;
const PERIOD_DAYS_DEFAULT: u16 = 365;
/// Law: KMS, a key is rotated on demand 25 times at most.
const ON_DEMAND_MAX: u8 = 25;

/// What `GetKeyRotationStatus` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationStatus {
    /// How often, in days, if at all.
    pub period_days: Option<u16>,
    /// When the next time is.
    pub next: Option<Timestamp>,
}

/// One material of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRotation {
    /// Its id.
    pub material: String,
    /// Since when it is there.
    pub at: Timestamp,
    /// How it came to be.
    pub kind: RotationKind,
    /// True of the one that encrypts.
    pub is_current: bool,
}

pub(super) fn plan(period_days: u16, since: Timestamp) -> Rotation {
    Rotation { period_days, next: since.plus_days(Days(period_days.into())) }
}

impl LocalKms {
    /// Rotates a key every so many days, 365 unless said otherwise.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn enable_key_rotation(
        &self,
        call: &KmsCall<'_>,
        key: &str,
        period_days: Option<u16>,
    ) -> Result<()> {
        let now = self.clock.now();
        self.change(call, Operation::EnableKeyRotation, key, |key| {
            self.check_rotates(key)?;
            if key.origin == KeyOrigin::External {
                return Err(cannot(&self.arn(key.id), "EnableKeyRotation"));
            }
            let period_days = period_days.unwrap_or(PERIOD_DAYS_DEFAULT);
            if !PERIOD_DAYS.contains(&period_days) {
                let rule = "Member must be between 90 and 2560";
                return Err(KmsError::invalid("rotationPeriodInDays", rule));
            }
            key.rotation = Some(plan(period_days, now));
            Ok(())
        })
    }

    /// Rotates a key no longer.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn disable_key_rotation(&self, call: &KmsCall<'_>, key: &str) -> Result<()> {
        self.change(call, Operation::DisableKeyRotation, key, |key| {
            self.check_rotates(key)?;
            key.rotation = None;
            Ok(())
        })
    }

    /// Whether a key rotates.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn get_key_rotation_status(&self, call: &KmsCall<'_>, key: &str) -> Result<RotationStatus> {
        self.on_key(call, Operation::GetKeyRotationStatus, key, |key, _| {
            self.check_rotates(key)?;
            Ok(RotationStatus {
                period_days: key.rotation.map(|plan| plan.period_days),
                next: key.rotation.map(|plan| plan.next),
            })
        })
    }

    /// Rotates a key now. Its plan stays what it was.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn rotate_key_on_demand(&self, call: &KmsCall<'_>, key: &str) -> Result<()> {
        let now = self.clock.now();
        self.change(call, Operation::RotateKeyOnDemand, key, |key| {
            self.check_rotates(key)?;
            if key.origin == KeyOrigin::External {
                return Err(cannot(&self.arn(key.id), "RotateKeyOnDemand"));
            }
            if key.on_demand >= ON_DEMAND_MAX {
                let arn = self.arn(key.id);
                let message = format!(
                    "The on-demand rotations limit has been reached for the given keyId {arn}"
                );
                return Err(KmsError::LimitExceeded { message });
            }
            key.on_demand += 1;
            key.materials.push(self.new_material(key.spec, RotationKind::OnDemand, now));
            Ok(())
        })
    }

    /// All materials of a key, the oldest first.
    ///
    /// # Errors
    /// By KMS's names.
    pub fn list_key_rotations(&self, call: &KmsCall<'_>, key: &str) -> Result<Vec<KeyRotation>> {
        self.on_key(call, Operation::ListKeyRotations, key, |key, _| {
            self.check_rotates(key)?;
            let last = key.materials.len().saturating_sub(1);
            let rotations = key.materials.iter().enumerate().map(|(at, material)| KeyRotation {
                material: name_of(material),
                at: material.created,
                kind: material.kind,
                is_current: at == last,
            });
            Ok(rotations.collect())
        })
    }

    fn check_rotates(&self, key: &KeyRecord) -> Result<()> {
        if key.spec == KeySpec::Symmetric {
            return Ok(());
        }
        Err(KmsError::Unsupported { message: "keys for codes do not rotate".into() })
    }

    /// Rotates a key whose time has come; true when it did. Times that were missed are made up for once.
    pub(super) fn rotate_if_due(&self, key: &mut KeyRecord, now: Timestamp) -> bool {
        let Some(due) = key.rotation.filter(|plan| plan.next <= now) else { return false };
        if key.status != KeyStatus::Enabled {
            return false;
        }
        key.materials.push(self.new_material(key.spec, RotationKind::Automatic, now));
        let mut next = plan(due.period_days, due.next);
        while next.next <= now {
            next = plan(due.period_days, next.next);
        }
        key.rotation = Some(next);
        true
    }
}

fn cannot(arn: &str, what: &str) -> KmsError {
    KmsError::Unsupported {
        message: format!("{arn} origin is EXTERNAL which is not valid for {what}."),
    }
}
