//! Everything pluggable: the sockets of the core, one file each.
//!
//! - [`Backend`]: where the bytes live. Write-once blobs, one ordered map of rows, one atomic
//!   conditional commit. Plugs: [`crate::MemoryBackend`], the `cistern-disk` crate, yours.
//! - [`Clock`]: what time it is. [`SystemClock`] in production, [`ManualClock`] where time is an
//!   argument.
//! - [`Entropy`]: random bytes. [`OsEntropy`] in production, [`SeededEntropy`] where a run must
//!   repeat.
//! - [`Sealer`]: plaintext to sealed chunks and back, bound to the object's row.
//! - [`Gate`]: may this principal do this action on this resource.
//! - [`Sink`]: told of every committed event, in order.
//!
//! Each socket is object-safe, has no default methods, and states its contract in sentences.

mod backend;
mod batch;
mod blob;
mod capabilities;
mod clock;
mod entropy;
mod gate;
mod scan;
mod sealer;
mod sink;
mod ticket;
mod value;

pub use backend::{Backend, BackendError, BackendStats};
pub use batch::{Batch, CommitError, Durability, OnPublish, Op, Position, Precondition};
pub use blob::{Blob, BlobRef, BlobSource, BlobWritten, SourceFailed};
pub use capabilities::Capabilities;
pub use clock::{Clock, ManualClock, ScaledClock, SystemClock};
pub(crate) use entropy::mix;
pub use entropy::{Entropy, OsEntropy, SeededEntropy};
pub use gate::{Decision, Gate, GateRequest};
pub use scan::{KeyRange, Order, Row, Step, Visit, walk_in_scans};
pub use sealer::{SealContext, SealError, Sealed, Sealer, Sealing};
pub use sink::Sink;
pub use ticket::{Ticket, TicketPromise};
pub use value::{Lent, Value};
