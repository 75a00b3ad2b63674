//! Costs: what is used, times what it costs.
//!
//! [`Usage`] is physical: bytes kept, requests made, bytes retrieved, on one day. [`PriceTable`] is data.
//! A [`Bill`] is their product, so that one simulation can be billed under several tables.

mod bill;
mod prices;
mod usage;

pub use bill::{Bill, Charge, Usd};
pub use prices::{ClassPrices, PriceTable, RestorePrices, StepPrice};
pub(crate) use usage::float;
pub use usage::{Billable, ClassUsage, RestoreUsage, Usage};

/// Bytes of what prices call a GB. Law: S3, storage is billed by GB-months.
pub const GB: f64 = 1_073_741_824.0;

#[cfg(test)]
mod tests;
