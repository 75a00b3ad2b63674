//! What the whole does that no part can show: the verbs of the core over the engine on disk.

mod access;
mod change_feed;
mod durability;
#[cfg(feature = "encryption")]
mod encryption;
mod lifecycle;
mod opening;
