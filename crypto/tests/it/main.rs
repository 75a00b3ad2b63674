//! The crate as a store uses it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test does not expect ends it, in its helpers too"
)]

mod secrets;
mod store;
