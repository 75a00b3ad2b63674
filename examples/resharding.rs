//! A stream that grows from one shard to four and shrinks to two, while it is written to: every key
//! keeps its order, and nothing is lost.
//!
//! ```text
//! cargo run --example resharding
//! ```

#![allow(clippy::print_stdout, reason = "a program for people")]

use cistern::{
    Cistern,
    stream::{ShardFilter, StartAt},
};
use std::{collections::BTreeMap, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    let cistern = Cistern::in_memory();
    let meters = cistern.create_stream("meters", 1)?;
    let mut put = 0;
    for shards in [1, 2, 4, 2] {
        if shards != meters.describe().open_shards {
            meters.update_shard_count(u32::try_from(shards)?)?;
        }
        for reading in 0..100 {
            meters.put(format!("meter-{}", reading % 5), put.to_string())?;
            put += 1;
        }
    }

    for shard in meters.shards(ShardFilter::FromTrimHorizon) {
        let state = if shard.ending_number.is_some() { "closed" } else { "open" };
        let parents: Vec<_> =
            shard.parent.iter().chain(&shard.adjacent_parent).map(ToString::to_string).collect();
        println!("{} {state:6} {} from [{}]", shard.id, shard.range, parents.join(", "));
    }

    let mut last: BTreeMap<String, i32> = BTreeMap::new();
    let mut read = 0;
    for record in meters.read(StartAt::TrimHorizon)? {
        let record = record?;
        let number = std::str::from_utf8(&record.data)?.parse()?;
        if let Some(before) = last.insert(record.partition_key.to_string(), number) {
            assert!(before < number, "a key keeps its order across every reshard");
        }
        read += 1;
    }
    assert_eq!(read, put);
    println!("{read} readings, each once, each meter in its order");
    Ok(())
}
