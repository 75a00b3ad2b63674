//! To come.

mod supported;

pub use supported::SUPPORTED;
