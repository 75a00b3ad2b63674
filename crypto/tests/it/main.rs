//! The crate as a store uses it.

mod secrets;
mod store;
