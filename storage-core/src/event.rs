//! `Event`: what happened to an object.

/// One change, as it was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {}
