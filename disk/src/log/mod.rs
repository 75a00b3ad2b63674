//! The log: frames in segments, written in groups.
//!
//! - [`body`]: a blob's bytes on their way into a frame, summed once.
//! - [`batch_record`]: a commit as the payload of a frame.
//! - [`tail`]: where the next frame goes, and what is not written yet.
//! - [`segments`]: the files of the log; makes, finds and recycles them.
//! - [`reader`]: frames of a segment, one after the other.

pub(crate) mod batch_record;
pub(crate) mod body;
pub(crate) mod reader;
pub(crate) mod segments;
pub(crate) mod tail;
