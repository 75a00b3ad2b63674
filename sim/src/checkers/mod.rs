//! What must hold, checked.

pub mod space;
