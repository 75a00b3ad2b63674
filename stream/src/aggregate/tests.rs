use super::*;
use crate::{record::PartitionKey, sequence_number::SequenceNumber, shard_id::ShardId};
use cistern_storage_core::Timestamp;
use proptest::prelude::*;

fn carrying(data: impl Into<Bytes>) -> Record {
    Record {
        sequence_number: SequenceNumber::new(1, ShardId::new(0).unwrap(), 1, 1),
        arrived: Timestamp::default(),
        partition_key: PartitionKey::of("outer"),
        data: data.into(),
        encrypted: false,
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

const KNOWN: &str = "f3899ac20a03706b310a03706b321a0908001a0568656c6c6f1a0908011a05776f726c6487c22af1ed\
                     18e292eb55b018413a3cff";

fn known() -> Bytes {
    let mut aggregator = Aggregator::new();
    aggregator.push(&Entry::new("pk1", "hello").unwrap());
    aggregator.push(&Entry::new("pk2", "world").unwrap());
    assert_eq!(aggregator.bytes(), 52);
    aggregator.finish()
}

/// Law-test: KPL, aggregation format. Worked example 47.
#[test]
fn two_records_make_the_known_bytes() {
    assert_eq!(known(), unhex(KNOWN));
}

/// Law-test: KCL, deaggregation. Worked example 48.
#[test]
fn what_was_aggregated_comes_apart_and_anything_else_is_plain() {
    let records = deaggregate(&carrying(known()));
    let parts: Vec<_> = records
        .iter()
        .map(|record| (&*record.partition_key, &record.data[..], record.sub_sequence_number))
        .collect();
    assert_eq!(parts, [("pk1", &b"hello"[..], 0), ("pk2", b"world", 1)]);
    let mut spoilt = known().to_vec();
    *spoilt.last_mut().unwrap() ^= 1;
    for data in [spoilt, MAGIC.to_vec(), Vec::new(), b"plain".to_vec()] {
        let records = deaggregate(&carrying(data.clone()));
        assert_eq!(records.len(), 1);
        assert!(!records[0].aggregated);
        assert_eq!((&*records[0].partition_key, &records[0].data[..]), ("outer", &data[..]));
    }
}

/// Law-test: KCL, deaggregation: records outside of the shard. Worked example 49: the one that
/// belongs is given, and the other one told of.
#[test]
fn what_belongs_elsewhere_is_told_and_not_lost() {
    let upper = HashRange::uniform(2).nth(1).unwrap();
    let error = deaggregate_within(&carrying(known()), &upper).unwrap_err();
    assert_eq!(&*error.records[0].partition_key, "pk1");
    assert_eq!(&*error.misplaced[0].partition_key, "pk2");
    assert_eq!(deaggregate_within(&carrying(known()), &HashRange::ALL).unwrap().len(), 2);
    assert_eq!(deaggregate_within(&carrying("plain"), &upper).unwrap().len(), 1);
}

#[test]
fn a_message_that_is_signed_and_malformed_is_plain() {
    for message in ["0a", "0a05ff", "1a021a00", "1a0408001a", "08", "ff", "1a0408051a00", "0a01ff"]
    {
        let mut data = MAGIC.to_vec();
        data.extend(unhex(message));
        data.extend_from_slice(&Md5::digest(&data[4..]));
        let records = deaggregate(&carrying(data.clone()));
        assert_eq!((records.len(), records[0].aggregated), (1, false), "{message}");
    }
}

proptest! {
    #[test]
    fn whatever_goes_in_comes_out(
        entries in prop::collection::vec(
            ("[a-c]{1,3}", prop::option::of(any::<u128>()), prop::collection::vec(any::<u8>(), 0..300)),
            1..20,
        ),
    ) {
        let mut aggregator = Aggregator::new();
        for (key, hash, data) in &entries {
            let mut entry = Entry::new(&**key, data.clone()).unwrap();
            if let Some(hash) = hash {
                entry = entry.explicit_hash_key(HashKey(*hash));
            }
            aggregator.push(&entry);
        }
        let bytes = aggregator.bytes();
        let data = aggregator.finish();
        prop_assert_eq!(data.len(), bytes);
        let records = deaggregate(&carrying(data));
        let out: Vec<_> = records
            .iter()
            .map(|record| (
                record.partition_key.to_string(),
                record.explicit_hash_key.map(|hash| hash.0),
                record.data.to_vec(),
            ))
            .collect();
        prop_assert_eq!(out, entries);
    }

    #[test]
    fn nothing_makes_it_panic(data in prop::collection::vec(any::<u8>(), 0..200), signed in any::<bool>()) {
        let mut whole = MAGIC.to_vec();
        whole.extend(&data);
        if signed {
            whole.extend_from_slice(&Md5::digest(&data));
        }
        prop_assert!(deaggregate(&carrying(whole)).len() <= data.len().max(1));
    }
}
