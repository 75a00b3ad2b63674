//! Documents: the S3 shapes of policies and configurations, apart from the types of the domain.
//!
//! XML and the JSON of the AWS CLI say the same with other punctuation, so both are read into one tree
//! of elements, and one mapping serves both ways and both forms. JSON's lists are repeated elements
//! here, named as XML names them.

pub(crate) mod element;
pub(crate) mod json;
pub(crate) mod policy;
pub(crate) mod restore;
pub(crate) mod tiering;
pub(crate) mod xml;

/// How deep elements may lie in each other; S3's documents need seven.
const DEPTH_MAX: usize = 16;
