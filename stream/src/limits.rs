//! The numbers of Kinesis, each with its rule.

/// The largest record that any stream can be set to take: data and partition key, in bytes.
///
/// Law: Kinesis, UpdateMaxRecordSize.
pub const RECORD_BYTES_MAX: u64 = 10 << 20;

/// The largest record that a new stream takes, in KiB.
///
/// Law: Kinesis, UpdateMaxRecordSize.
pub const RECORD_KIB_DEFAULT: u32 = 1024;

/// The largest setting of a stream's record size, in KiB.
///
/// Law: Kinesis, UpdateMaxRecordSize.
pub const RECORD_KIB_MAX: u32 = 10_240;

/// Entries in one `put_records`.
///
/// Law: Kinesis, PutRecords: 1 to 500 records.
pub const PUT_RECORDS_MAX: usize = 500;

/// Bytes in one `put_records`, keys included.
///
/// Law: Kinesis, PutRecords: 10 MiB a request.
pub const PUT_RECORDS_BYTES_MAX: u64 = 10 << 20;

/// Records in one answer of `get_records`; also what it gives when nothing else is asked for.
///
/// Law: Kinesis, GetRecords: Limit.
pub const GET_RECORDS_MAX: usize = 10_000;

/// Bytes in one answer of `get_records`.
///
/// Law: Kinesis, GetRecords: 10 MiB an answer.
pub const GET_RECORDS_BYTES_MAX: u64 = 10 << 20;

/// How long a shard iterator is good for, in milliseconds.
///
/// Law: Kinesis, GetShardIterator: 300 seconds.
pub const ITERATOR_MILLIS_MAX: i64 = 300_000;

/// The shortest retention that the service allows, in hours.
///
/// Law: Kinesis, retention.
pub const RETENTION_HOURS_MIN: u32 = 24;

/// The longest retention, in hours.
///
/// Law: Kinesis, retention.
pub const RETENTION_HOURS_MAX: u32 = 8_760;

/// Tags of a stream.
///
/// Law: Kinesis, AddTagsToStream.
pub const TAGS_MAX: usize = 50;

/// Shards of a new on-demand stream.
///
/// Law: Kinesis, on-demand mode.
pub const ON_DEMAND_SHARDS: u32 = 4;

/// Shards that a stream may be set to.
///
/// Law: Kinesis, UpdateShardCount.
pub const SHARDS_MAX: u32 = 10_000;

/// Registered consumers of a stream.
///
/// Law: Kinesis, RegisterStreamConsumer.
pub const CONSUMERS_MAX: usize = 20;

/// Changes of the shard count in 24 hours.
///
/// Law: Kinesis, UpdateShardCount.
pub const SHARD_COUNT_UPDATES_MAX: usize = 10;

/// Switches of the mode in 24 hours.
///
/// Law: Kinesis, UpdateStreamMode.
pub const MODE_SWITCHES_MAX: usize = 2;
