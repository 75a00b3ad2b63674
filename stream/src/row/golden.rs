//! The bytes of an example of each row: what is on somebody's disk does not change unnoticed.

use super::*;
use crate::{
    lease::{Lease, Place, lease_key},
    stream::{StreamMode, StreamStatus},
    stream_row::StreamRow,
};
use cistern_storage_core::{BucketTags, Durability};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn check(bytes: &Bytes, expected: &str) {
    assert_eq!(hex(bytes), expected.replace(' ', ""));
}

fn shard(number: u32) -> ShardId {
    ShardId::new(number).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn keys() {
    check(&stream_key("ab"), "20 6162");
    check(&shard_key(7, shard(3)), "21 00000007 00000003");
    check(&chunk_key(7, shard(3), 0x0102), "22 00000007 00000003 0000000000000102");
    check(&token_key(7, &[0xaa; 32]), &format!("23 00000007 {}", "aa".repeat(32)));
    check(&stream_id_key(), "24 6964");
    check(&consumer_key(7, "ab"), "25 00000007 6162");
    check(&lease_key(7, "ab", shard(3)), "26 00000007 02 6162 00000003");
}

#[test]
fn streams() {
    let row = StreamRow {
        id: 7,
        created: at(0x0102),
        mode: StreamMode::OnDemand,
        retention_millis: 86_400_000,
        record_kib_max: 1024,
        tags: BucketTags::try_from([("a", "b")]).unwrap(),
        durability: Some(Durability::Os),
        encryption_key: Some("k".into()),
        policy: None,
        next_shard: 4,
        count_updates: vec![at(1)],
        mode_switches: Vec::new(),
        passing: Some((StreamStatus::Updating, at(5))),
    };
    check(
        &row.encode(),
        "01 07000000 0201000000000000 01 005c260500000000 00040000 01000000 01000000 61 01000000 62 \
         02 01 01000000 6b 00 00000000 04000000 01000000 0100000000000000 00000000 02 01 \
         0500000000000000",
    );
    assert_eq!(StreamRow::decode(&row.encode()).unwrap(), row);
}

#[test]
fn shards() {
    let row = ShardRow {
        range: HashRange { start: HashKey(2), end: HashKey(u128::MAX) },
        parent: Some(shard(1)),
        adjacent_parent: None,
        created: at(3),
        closed: Some((at(4), 9)),
        trimmed: 5,
    };
    check(
        &row.encode(),
        "01 02000000000000000000000000000000 ffffffffffffffffffffffffffffffff \
         01 0100000000000000 00 0000000000000000 0300000000000000 01 0400000000000000 \
         0900000000000000 0500000000000000",
    );
    assert_eq!(ShardRow::decode(&row.encode()).unwrap(), row);
}

#[test]
fn chunks() {
    let head = ChunkHead { first_index: 6, count: 2, first_arrival: at(3), last_arrival: at(4) };
    let key = chunk_key(1, shard(0), 6);
    let inline = ChunkRow { head, envelope: None, place: ChunkPlace::Inline(Bytes::from("xy")) };
    check(&inline.encode(), "01 02000000 0300000000000000 0400000000000000 00 00 7879");
    let blob = ChunkRow {
        head,
        envelope: Some((Bytes::from("e"), 7)),
        place: ChunkPlace::Blob(BlobRef::new(&[0xbb; 3]).unwrap(), 8),
    };
    check(
        &blob.encode(),
        "01 02000000 0300000000000000 0400000000000000 01 01000000 65 0700000000000000 \
         01 03000000 bbbbbb 0800000000000000",
    );
    for row in [inline, blob] {
        assert_eq!(ChunkRow::decode(&key, &row.encode()).unwrap(), row);
    }
}

#[test]
fn tokens_consumers_and_leases() {
    let placed = PlacedRow { shard: shard(3), index: 5, arrived: at(6) };
    let token = TokenRow { put: at(4), records: vec![placed] };
    check(
        &token.encode(),
        "01 0400000000000000 01000000 03000000 0500000000000000 0600000000000000",
    );
    assert_eq!(TokenRow::decode(&token.encode()).unwrap(), token);

    check(&encode_consumer(at(9)), "01 0900000000000000");
    let key = consumer_key(1, "c");
    assert_eq!(decode_consumer(&key, &encode_consumer(at(9))).unwrap(), ("c", at(9)));

    let lease = Lease { owner: Some("w".into()), counter: 2, place: Place::At(8) };
    check(&lease.encode(), "01 01 01000000 77 0200000000000000 00 0800000000000000");
    let end = Lease { owner: None, counter: 2, place: Place::End };
    check(&end.encode(), "01 00 00000000 0200000000000000 01 0000000000000000");
    for lease in [lease, end] {
        let key = lease_key(1, "g", shard(4));
        assert_eq!(Lease::decode(&key, &lease.encode()).unwrap(), (shard(4), lease));
    }
    check(&encode_stream_id(7), "07000000");
    assert_eq!(decode_stream_id(&encode_stream_id(7)).unwrap(), 7);
}
