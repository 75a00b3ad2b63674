//! Entry points for fuzzers: one function a decoder. Not an interface: it may change with any commit.
//!
//! Each takes any bytes, does not panic, and takes memory in proportion to them. True says that the
//! bytes were understood; what was understood is written down again, and must be the same.

use crate::{
    HashKey, SequenceNumber, ShardId, ShardIterator,
    aggregate::deaggregate,
    chunk::{Chunk, ChunkHead},
    lease::{Lease, Place, lease_key},
    record::{PartitionKey, Record},
    row::{
        ChunkRow, PlacedRow, ShardRow, TokenRow, chunk_key, consumer_key, decode_consumer,
        encode_consumer,
    },
    stream_row::StreamRow,
};
use bytes::Bytes;
use cistern_storage_core::Timestamp;

/// Takes any bytes; true when they were understood.
pub type Target = fn(&[u8]) -> bool;

/// Every entry point, by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("stream_aggregate", stream_aggregate),
    ("stream_chunk", stream_chunk),
    ("stream_row", stream_row),
    ("stream_text", stream_text),
];

/// Runs the entry point `name`.
///
/// # Panics
/// When there is none, and when the decoder is wrong.
pub fn run(name: &str, input: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("targets name entry points that exist").1(input)
}

fn shard() -> ShardId {
    ShardId::new(3).expect("3 is a shard's number")
}

/// Every row: the first byte says which.
fn stream_row(input: &[u8]) -> bool {
    let Some((&kind, row)) = input.split_first() else { return false };
    let row = Bytes::copy_from_slice(row);
    let again = match kind % 6 {
        0 => StreamRow::decode(&row).ok().map(|decoded| decoded.encode()),
        1 => ShardRow::decode(&row).ok().map(|decoded| decoded.encode()),
        2 => ChunkRow::decode(&chunk_key(1, shard(), 9), &row).ok().map(|decoded| decoded.encode()),
        3 => TokenRow::decode(&row).ok().map(|decoded| decoded.encode()),
        4 => {
            let key = consumer_key(1, "c");
            let decoded = decode_consumer(&key, &row).ok();
            decoded.map(|(_, created)| encode_consumer(created))
        }
        _ => {
            let decoded = Lease::decode(&lease_key(1, "g", shard()), &row).ok();
            decoded.map(|(_, lease)| lease.encode())
        }
    };
    let Some(again) = again else { return false };
    // What an absent field would hold is not kept; what there is has a length of its own.
    assert_eq!(again.len(), row.len());
    true
}

/// A chunk: the first byte says how many records it has.
fn stream_chunk(input: &[u8]) -> bool {
    let Some((&count, body)) = input.split_first() else { return false };
    let head = ChunkHead {
        first_index: 7,
        count: count.into(),
        first_arrival: Timestamp::default(),
        last_arrival: Timestamp::default(),
    };
    let Ok(chunk) = Chunk::decode(head, Bytes::copy_from_slice(body), false) else { return false };
    let records: Vec<_> = chunk.records_from(1, shard(), 0).collect();
    assert_eq!(records.len(), usize::from(count));
    records.iter().all(Result::is_ok)
}

fn stream_aggregate(input: &[u8]) -> bool {
    let record = Record {
        sequence_number: SequenceNumber::new(1, shard(), 1, 1),
        arrived: Timestamp::default(),
        partition_key: PartitionKey::of("outer"),
        data: Bytes::copy_from_slice(input),
        encrypted: false,
    };
    let records = deaggregate(&record);
    assert!(records.len() <= input.len().max(1));
    records.iter().any(|record| record.aggregated)
}

/// Iterators, numbers, ids: what is understood prints as something that is understood as the same.
fn stream_text(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    if let Ok(iterator) = text.parse::<ShardIterator>() {
        assert_eq!(iterator.to_string().parse::<ShardIterator>().ok(), Some(iterator));
        return true;
    }
    if let Ok(number) = text.parse::<SequenceNumber>() {
        assert_eq!(number.to_string(), text);
        return true;
    }
    if let Ok(key) = HashKey::parse(text) {
        assert_eq!(key.to_string(), text);
        return true;
    }
    let Ok(id) = text.parse::<ShardId>() else { return false };
    assert_eq!(id.to_string().parse::<ShardId>().ok(), Some(id));
    true
}

/// Inputs that are understood, to begin with.
#[cfg(test)]
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let number = SequenceNumber::new(1_700_000_000, shard(), 5, 1_700_000_005);
    match name {
        "stream_aggregate" => {
            let mut aggregator = crate::Aggregator::new();
            for data in ["hello", "world"] {
                aggregator.push(&crate::Entry::new("key", data).expect("a key of three letters"));
            }
            vec![aggregator.finish().to_vec()]
        }
        "stream_chunk" => {
            let mut writer = crate::chunk::ChunkWriter::new(7, Timestamp::default(), 0);
            let entry = crate::Entry::new("key", "data").expect("a key of three letters");
            writer.push(&entry, Timestamp::default());
            vec![[&[1], &writer.finish().body[..]].concat()]
        }
        "stream_row" => {
            let placed = PlacedRow { shard: shard(), index: 5, arrived: Timestamp::default() };
            let token = TokenRow { put: Timestamp::default(), records: vec![placed] };
            let lease = Lease { owner: Some("w".into()), counter: 1, place: Place::At(4) };
            vec![
                [&[3], &token.encode()[..]].concat(),
                [&[4], &encode_consumer(Timestamp::default())[..]].concat(),
                [&[5], &lease.encode()[..]].concat(),
            ]
        }
        _ => {
            let iterator = ShardIterator {
                stream: 1,
                stream_created: Timestamp::default(),
                shard: shard(),
                index: 9,
                issued: Timestamp::default(),
            };
            let texts = [iterator.to_string(), number.to_string(), shard().to_string(), "0".into()];
            texts.map(String::into_bytes).to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::Index};

    #[test]
    fn every_seed_is_understood() {
        for (name, target) in TARGETS {
            for seed in seeds(name) {
                assert!(target(&seed), "{name}: {seed:?}");
            }
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "fuzzers read their seeds from files")]
    fn the_seeds_are_written_where_a_fuzzer_asks_for_them() {
        let Some(corpus) = std::env::var_os("CISTERN_FUZZ_CORPUS") else { return };
        for (name, _) in TARGETS {
            let folder = std::path::Path::new(&corpus).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            for (number, seed) in seeds(name).into_iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn no_entry_point_panics_on_any_bytes(
            input in prop::collection::vec(any::<u8>(), 0..200),
            number in 0..TARGETS.len(),
        ) {
            TARGETS[number].1(&input);
        }

        #[test]
        fn no_entry_point_panics_on_a_seed_with_changes(
            number in 0..TARGETS.len(),
            seed in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
            cut in any::<Option<Index>>(),
        ) {
            let (name, target) = TARGETS[number];
            let seeds = seeds(name);
            let mut input = seeds[seed.index(seeds.len())].clone();
            for (at, byte) in changes {
                let at = at.index(input.len());
                input[at] = byte;
            }
            if let Some(cut) = cut {
                input.truncate(cut.index(input.len()));
            }
            target(&input);
        }
    }
}
