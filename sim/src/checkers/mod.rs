//! What must hold, checked.

pub mod linear;
pub mod space;
