//! `Usage`: what one day used, as it is metered.

use super::{Bill, Charge, GB, PriceTable, Usd};
use crate::{calendar::Month, restore::RestoreTier, tiering::AccessTier};
use cistern_storage_core::StorageClass;
use std::ops::AddAssign;

/// The bytes that an object, or many alike, is billed for.
///
/// Law: S3, minimum billable sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Billable {
    /// At its class.
    pub bytes: f64,
    /// Beside that, at `STANDARD`: what an archive keeps to list it by.
    pub standard_bytes: f64,
}

impl Billable {
    /// The billed bytes of an object.
    #[must_use]
    pub fn of(class: StorageClass, tier: AccessTier, size: u64) -> Self {
        let is_small = size < class.facts().minimum_billable_bytes;
        Self::of_many(class, tier, 1.0, float(size), is_small)
    }

    /// The billed bytes of objects that are all below 128 KB, or none of them.
    #[must_use]
    pub fn of_many(
        class: StorageClass,
        tier: AccessTier,
        objects: f64,
        bytes: f64,
        all_small: bool,
    ) -> Self {
        // An archive tier has the overhead of an archive, and its class does not say so.
        let tiered = class == StorageClass::IntelligentTiering && tier.is_archive();
        let facts = if tiered { StorageClass::Glacier.facts() } else { class.facts() };
        let least = objects * float(facts.minimum_billable_bytes);
        let bytes = if all_small { bytes.max(least) } else { bytes };
        Self {
            bytes: bytes + objects * float(facts.overhead_bytes),
            standard_bytes: objects * float(facts.overhead_standard_bytes),
        }
    }
}

/// What one class used on a day. Quantities of a model are fractions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassUsage {
    /// Billed bytes that were kept.
    pub bytes: f64,
    /// Puts, copies, posts and lists.
    pub puts: f64,
    /// Gets, heads and all else.
    pub gets: f64,
    /// Objects that lifecycle moved into the class.
    pub transitions: f64,
    /// Bytes that were read.
    pub retrieved_bytes: f64,
    /// Restores by speed: expedited, standard, bulk.
    pub restores: [RestoreUsage; 3],
    /// Billed bytes that went before the class's least duration, times the days that were left.
    pub early_byte_days: f64,
}

/// Restores of one speed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RestoreUsage {
    /// How many were asked for.
    pub requests: f64,
    /// Their bytes.
    pub bytes: f64,
}

/// What one day used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// By class, in the order of [`StorageClass::ALL`]. The bytes of `INTELLIGENT_TIERING` stand in
    /// [`Self::tier_bytes`].
    pub classes: [ClassUsage; StorageClass::ALL.len()],
    /// Billed bytes by tier of `INTELLIGENT_TIERING`, in the order of [`AccessTier::ALL`].
    pub tier_bytes: [f64; AccessTier::ALL.len()],
    /// Objects of `INTELLIGENT_TIERING` that are watched: those of 128 KB and more.
    pub monitored: f64,
}

impl Usage {
    /// What a class used.
    #[must_use]
    pub fn class(&self, class: StorageClass) -> &ClassUsage {
        &self.classes[usize::from(class.code())]
    }

    /// What a class used, to be changed.
    pub fn class_mut(&mut self, class: StorageClass) -> &mut ClassUsage {
        &mut self.classes[usize::from(class.code())]
    }

    /// Counts bytes kept in a class and tier.
    pub fn keep(&mut self, class: StorageClass, tier: AccessTier, billable: Billable) {
        let bytes = billable.bytes;
        if class == StorageClass::IntelligentTiering {
            self.tier_bytes[tier as usize] += bytes;
        } else {
            self.class_mut(class).bytes += bytes;
        }
        self.class_mut(StorageClass::Standard).bytes += billable.standard_bytes;
    }

    /// Counts an object, or many alike, that leaves its class after so many days in it: by deletion,
    /// by being overwritten, or by a transition.
    ///
    /// Law: S3, minimum storage durations.
    pub fn leave(&mut self, class: StorageClass, billable: Billable, days: u32) {
        let left = class.facts().minimum_days.saturating_sub(days);
        self.class_mut(class).early_byte_days += billable.bytes * f64::from(left);
    }

    /// What a day of this usage costs, in a month.
    ///
    /// A day's storage is its share of the month's price; steps of prices are judged by the day.
    ///
    /// Law: S3, storage is billed by GB-months.
    #[must_use]
    pub fn bill(&self, prices: &PriceTable, month: Month) -> Bill {
        let share = 1.0 / f64::from(month.days());
        let mut bill = Bill::default();
        for class in StorageClass::ALL {
            self.bill_class(class, prices, share, &mut bill);
        }
        let tiering = StorageClass::IntelligentTiering;
        for (bytes, price) in self.tier_bytes.iter().zip(&prices.tiers) {
            bill.add(tiering, Charge::Storage, price.of(*bytes) * share);
        }
        let watch = prices.monitoring_1000 * (self.monitored / 1000.0);
        bill.add(tiering, Charge::Monitoring, watch * share);
        bill
    }

    fn bill_class(&self, class: StorageClass, prices: &PriceTable, share: f64, bill: &mut Bill) {
        let (used, price) = (self.class(class), prices.class(class));
        let per_1000 = |count: f64, price: Usd| price * (count / 1000.0);
        bill.add(class, Charge::Storage, price.storage.of(used.bytes) * share);
        bill.add(class, Charge::Requests, per_1000(used.puts, price.put_1000));
        bill.add(class, Charge::Requests, per_1000(used.gets, price.get_1000));
        bill.add(class, Charge::Transitions, per_1000(used.transitions, price.transition_1000));
        bill.add(class, Charge::Retrieval, price.retrieval_gb * (used.retrieved_bytes / GB));
        for tier in RestoreTier::ALL {
            let (used, price) = (used.restores[tier as usize], price.restores[tier as usize]);
            let cost = per_1000(used.requests, price.request_1000) + price.gb * (used.bytes / GB);
            bill.add(class, Charge::Restores, cost);
        }
        let early = price.storage.first() * (used.early_byte_days / GB) * share;
        bill.add(class, Charge::EarlyDeletion, early);
    }
}

impl AddAssign<&Usage> for Usage {
    fn add_assign(&mut self, other: &Usage) {
        for (mine, theirs) in self.classes.iter_mut().zip(&other.classes) {
            mine.bytes += theirs.bytes;
            mine.puts += theirs.puts;
            mine.gets += theirs.gets;
            mine.transitions += theirs.transitions;
            mine.retrieved_bytes += theirs.retrieved_bytes;
            mine.early_byte_days += theirs.early_byte_days;
            for (mine, theirs) in mine.restores.iter_mut().zip(&theirs.restores) {
                mine.requests += theirs.requests;
                mine.bytes += theirs.bytes;
            }
        }
        for (mine, theirs) in self.tier_bytes.iter_mut().zip(&other.tier_bytes) {
            *mine += theirs;
        }
        self.monitored += other.monitored;
    }
}

/// A count of bytes as a quantity: exact up to 2^53, and money needs no more digits.
#[expect(clippy::cast_precision_loss, reason = "a bill does not need the 54th bit")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
