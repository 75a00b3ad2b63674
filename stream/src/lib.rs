//! An embedded record log with the semantics of Kinesis Data Streams: shards, sequence numbers,
//! iterators, splits and merges, in process, over any backend of a store.
//!
//! ```
//! use cistern_storage_core::{MemoryBackend, port::SystemClock};
//! use cistern_stream::{StartAt, StreamSettings, Streams};
//! use std::sync::Arc;
//!
//! # fn main() -> cistern_stream::Result<()> {
//! let (backend, clock) = (Arc::new(MemoryBackend::new()), Arc::new(SystemClock::default()));
//! let streams = Streams::open(backend, clock, None, StreamSettings::default())?;
//! let clicks = streams.create("clicks", 2)?;
//!
//! let receipt = clicks.put("tom", "opened cats/tom.txt")?;
//! clicks.split_shard(receipt.shard_id(), clicks.shards(Default::default())[0].range.middle())
//!     .ok(); // whichever shard it was
//! clicks.put("tom", "closed it")?;
//!
//! let datas: Vec<_> = clicks.read(StartAt::TrimHorizon)?.map(|record| record.unwrap().data).collect();
//! assert_eq!(datas, ["opened cats/tom.txt", "closed it"]);
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! | | |
//! |---|---|
//! | order | records of a shard are read in the order in which they were put; of a key, across splits and merges too, when parents are read before children ([`Stream::read`], [`Stream::tail`]) |
//! | durability | a put is acknowledged at the level that it, its stream or the settings name; what is acknowledged as synced survives the loss of power |
//! | visibility | a record is read once it is as durable as it was asked to be, never before |
//! | atomicity | [`Stream::put_all`] puts all of its records or none, over however many shards |
//! | repetition | a put with a [token](PutOptions::token) happens once within the window, across restarts |
//! | age | a record that is older than the stream's retention is not read; a reader is told how many it lost |
//!
//! # The one design decision
//!
//! Records lie in *chunks*: what one commit took for one shard is a row of the store's ordered map
//! under stream, shard and index, with its bytes in the row or, when they are many, in a blob beside
//! it. So one log and one sync serve all shards of all streams and the buckets beside them, a batch
//! of records over many shards is atomic, and what a consumer writes and how far it has read can be
//! one commit.
//!
//! # Caveats
//!
//! - A stream's records are read by those who hold the store open: one process.
//! - A record put at [`Durability::Memory`](cistern_storage_core::Durability) is committed with the
//!   next stronger one of its shard, with 64 KiB of its like, or by [`Streams::flush`].
//! - Old records stop being readable by the clock; [`Streams::trim`] gives their space back.

pub mod aggregate;
mod bell;
mod chunk;
mod codec;
mod configure;
mod describe;
pub mod error;
mod fan_out;
pub mod faults;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod group;
pub mod hash_key;
pub mod iterator;
mod lease;
pub mod limits;
pub mod metrics;
mod producer;
mod put;
pub mod quota;
mod read;
pub mod record;
mod renew;
mod reshard;
mod row;
mod scaling;
mod sealing;
pub mod sequence_number;
pub mod settings;
mod shard;
pub mod shard_id;
mod stream;
pub mod stream_name;
mod stream_row;
mod streams;
mod tail;
mod worker;

pub use aggregate::{Aggregator, UserRecord};
pub use bell::Waker;
pub use describe::{ShardFilter, ShardInfo, StreamDescription};
pub use error::{Error, Result};
pub use fan_out::{ConsumerInfo, ShardSubscription, SubscriptionEvent};
pub use faults::{Fault, Faults};
pub use group::{ConsumerGroup, GroupOptions, LeaseInfo, PoisonPolicy};
pub use hash_key::{HashKey, HashRange};
pub use iterator::{ShardIterator, StartAt};
pub use metrics::Metrics;
pub use producer::{OnProduced, Produced, Producer, ProducerOptions};
pub use put::{PutOptions, PutRecordsOutcome};
pub use quota::KinesisLimits;
pub use read::{ChildShard, Reader, Records};
pub use record::{Entry, PartitionKey, Receipt, Record};
pub use scaling::{SPLIT_BYTES_PER_SECOND, Scaled};
pub use sequence_number::SequenceNumber;
pub use settings::StreamSettings;
pub use shard_id::ShardId;
pub use stream::{Stream, StreamMode, StreamStatus};
pub use stream_name::StreamName;
pub use streams::{StreamOptions, Streams};
pub use tail::Tail;
pub use worker::{Delivery, Worker};
