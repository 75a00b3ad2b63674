//! Enhanced fan-out: registered consumers, each with a pipe of its own.

use crate::{
    error::{Error, Result},
    iterator::StartAt,
    limits,
    read::ChildShard,
    record::Record,
    row::{consumer_key, consumers_of, decode_consumer, encode_consumer},
    sequence_number::SequenceNumber,
    shard::Shard,
    shard_id::ShardId,
    stream::{Stream, StreamState},
    stream_name::check_name,
};
use cistern_storage_core::{
    Durability, Timestamp,
    port::{Batch, KeyRange, Order},
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A consumer that is registered with a stream.
///
/// Law: Kinesis, RegisterStreamConsumer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerInfo {
    /// Its name.
    pub name: Box<str>,
    /// Its ARN: another one when a consumer of that name is registered again.
    pub arn: String,
    /// When it was registered.
    pub created: Timestamp,
}

/// Who is subscribed to what.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    by_consumer: Mutex<BTreeMap<(Box<str>, ShardId), Subscribed>>,
}

#[derive(Debug)]
struct Subscribed {
    since: Timestamp,
    taken_over: Arc<AtomicBool>,
}

impl Stream {
    /// Registers a consumer: up to 20 of them.
    ///
    /// # Errors
    /// [`Error::Validation`] for a name that cannot be; [`Error::ResourceInUse`] when there is one of
    /// that name; [`Error::LimitExceeded`] for the 21st.
    ///
    /// Law: Kinesis, RegisterStreamConsumer.
    pub fn register_consumer(&self, name: &str) -> Result<ConsumerInfo> {
        check_name("consumerName", name)?;
        let state = &self.state;
        let table = state.table.write();
        state.check_usable(&table)?;
        let all = self.consumers()?;
        if all.iter().any(|consumer| &*consumer.name == name) {
            let account = &state.hub.settings.account;
            let what = format!(
                "Consumer {name} under stream {} in account {account} already exists.",
                self.name()
            );
            return Err(Error::ResourceInUse { what: what.into() });
        }
        if all.len() >= limits::CONSUMERS_MAX {
            let what = format!("a stream has at most {} consumers", limits::CONSUMERS_MAX);
            return Err(Error::LimitExceeded { what: what.into() });
        }
        // Never the second of one that went before: an ARN is not used twice.
        let now = state.hub.clock.now();
        let mut batch = Batch::new(Durability::Synced);
        batch.put(consumer_key(state.id, name), encode_consumer(now));
        state.hub.commit("register a consumer", batch)?;
        Ok(self.consumer_info(name, now))
    }

    fn consumer_info(&self, name: &str, created: Timestamp) -> ConsumerInfo {
        let seconds = created.as_millis() / 1000;
        let arn = format!("{}/consumer/{name}:{seconds}", self.arn());
        ConsumerInfo { name: name.into(), arn, created }
    }

    /// The registered consumers, by name.
    ///
    /// # Errors
    /// When they cannot be read.
    ///
    /// Law: Kinesis, ListStreamConsumers.
    pub fn consumers(&self) -> Result<Vec<ConsumerInfo>> {
        let (start, end) = consumers_of(self.state.id);
        let range = KeyRange::between(&start, &end);
        let rows = self.state.hub.scan(range, Order::Forward, limits::CONSUMERS_MAX + 1)?;
        let info = |(key, value): &(bytes::Bytes, bytes::Bytes)| {
            let (name, created) = decode_consumer(key, value)?;
            Ok(self.consumer_info(name, created))
        };
        rows.iter().map(info).collect()
    }

    /// The registered consumer of that name.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`].
    ///
    /// Law: Kinesis, DescribeStreamConsumer.
    pub fn consumer(&self, name: &str) -> Result<ConsumerInfo> {
        let row = self.state.hub.row(&consumer_key(self.state.id, name))?;
        let missing = || Error::ResourceNotFound {
            what: format!("Consumer {name} under stream {} not found.", self.name()).into(),
        };
        let row = row.ok_or_else(missing)?;
        let (name, created) = decode_consumer(&consumer_key(self.state.id, name), &row)
            .map(|(name, created)| (name.to_owned(), created))?;
        Ok(self.consumer_info(&name, created))
    }

    /// Removes a registered consumer; its subscriptions end.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`].
    ///
    /// Law: Kinesis, DeregisterStreamConsumer.
    pub fn deregister_consumer(&self, name: &str) -> Result<()> {
        let _table = self.state.table.write();
        self.consumer(name)?;
        let mut batch = Batch::new(Durability::Synced);
        batch.delete(consumer_key(self.state.id, name));
        self.state.hub.commit("remove a consumer", batch)?;
        self.state.subscriptions.end(name);
        self.state.bell.ring();
        Ok(())
    }

    /// Subscribes a registered consumer to a shard, for five minutes on the store's clock.
    ///
    /// # Errors
    /// [`Error::ResourceNotFound`] for a consumer or a shard that is not there;
    /// [`Error::ResourceInUse`] within 5 seconds of the last subscription of the two. Later than
    /// that, the older subscription ends.
    ///
    /// Law: Kinesis, SubscribeToShard.
    pub fn subscribe(
        &self,
        consumer: &str,
        shard: ShardId,
        start: StartAt,
    ) -> Result<ShardSubscription> {
        self.consumer(consumer)?;
        let state = &self.state;
        let table = state.table.read();
        state.check_usable(&table)?;
        let found = state.shard(&table, shard)?;
        let index = state.index_of(&table, &found, start)?;
        let now = state.hub.clock.now();
        let taken_over = state.subscriptions.begin(consumer, shard, now)?;
        let until = now.plus(SUBSCRIPTION);
        drop(table);
        Ok(ShardSubscription {
            stream: self.clone(),
            shard: found,
            index,
            until,
            taken_over,
            ended: false,
        })
    }
}

/// How long a subscription lasts.
const SUBSCRIPTION: Duration = Duration::from_secs(300);
/// How long a subscription cannot be taken over.
const HELD_MILLIS: i64 = 5_000;
/// Bytes in one event.
const EVENT_BYTES_MAX: u64 = 2 << 20;

impl Subscriptions {
    fn begin(&self, consumer: &str, shard: ShardId, now: Timestamp) -> Result<Arc<AtomicBool>> {
        let mut all = self.by_consumer.lock();
        let taken_over = Arc::new(AtomicBool::new(false));
        let one = Subscribed { since: now, taken_over: Arc::clone(&taken_over) };
        let key = (consumer.into(), shard);
        if let Some(old) = all.get(&key) {
            if now.millis_since(old.since) < HELD_MILLIS {
                let what = format!(
                    "Another active subscription exists for this consumer: {consumer}, {shard}"
                );
                return Err(Error::ResourceInUse { what: what.into() });
            }
            old.taken_over.store(true, Ordering::SeqCst);
        }
        all.insert(key, one);
        Ok(taken_over)
    }

    fn end(&self, consumer: &str) {
        self.by_consumer.lock().retain(|(name, _), subscribed| {
            let ends = **name == *consumer;
            if ends {
                subscribed.taken_over.store(true, Ordering::SeqCst);
            }
            !ends
        });
    }
}

/// What a subscription tells.
///
/// Law: Kinesis, SubscribeToShardEvent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionEvent {
    /// The records, perhaps none.
    pub records: Vec<Record>,
    /// Where to subscribe again, behind this event: with [`StartAt::AfterSequenceNumber`].
    pub continuation_sequence_number: SequenceNumber,
    /// How far the consumer is behind the tip.
    pub millis_behind_latest: u64,
    /// At the end of the shard: those that took over from it.
    pub child_shards: Vec<ChildShard>,
    /// How many records were too old before they could be told.
    pub lost: u64,
}

/// One consumer's pipe from one shard. Made by [`Stream::subscribe`].
#[derive(Debug)]
pub struct ShardSubscription {
    stream: Stream,
    shard: Arc<Shard>,
    index: u64,
    until: Timestamp,
    taken_over: Arc<AtomicBool>,
    ended: bool,
}

impl ShardSubscription {
    /// The next event, within `at_most` of the machine's time: records as soon as they are
    /// committed, else none of them, to say that it still lives. `None` when the subscription or its
    /// shard has ended: subscribe again from the last continuation sequence number.
    ///
    /// # Errors
    /// [`Error::ResourceInUse`] when somebody has taken it over; [`Error::ResourceNotFound`] when the
    /// stream is gone.
    pub fn next_within(&mut self, at_most: Duration) -> Result<Option<SubscriptionEvent>> {
        let state = Arc::clone(&self.stream.state);
        let mut waiting = state.bell.enter();
        loop {
            if self.ended || state.hub.clock.now() >= self.until {
                return Ok(None);
            }
            if self.taken_over.load(Ordering::SeqCst) {
                self.ended = true;
                let what = "The subscription was taken over, or its consumer removed.";
                return Err(Error::ResourceInUse { what: what.into() });
            }
            let event = self.event(&state)?;
            let speaks = !event.records.is_empty() || self.ended;
            if speaks || !waiting.wait(at_most) {
                return Ok(Some(event));
            }
        }
    }

    fn event(&mut self, state: &StreamState) -> Result<SubscriptionEvent> {
        let table = state.table.read();
        state.check_usable(&table)?;
        let now = state.hub.clock.now();
        let bounds = (limits::GET_RECORDS_MAX, EVENT_BYTES_MAX);
        let page =
            self.shard.read(&state.hub, state.id, self.index, bounds, state.horizon(&table.row))?;
        self.shard.count_out(&page);
        self.index = page.next;
        self.ended = page.at_end;
        let last = page.records.last().map(|record| record.sequence_number);
        let here = || self.shard.number(page.next - 1, now);
        Ok(SubscriptionEvent {
            continuation_sequence_number: last.unwrap_or_else(here),
            millis_behind_latest: crate::read::behind(&page, now),
            child_shards: if page.at_end { table.children(self.shard.id) } else { Vec::new() },
            lost: page.lost,
            records: page.records,
        })
    }
}
