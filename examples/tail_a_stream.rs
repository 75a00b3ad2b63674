//! A consumer that waits for records while a producer puts them: woken by the commit, not by a poll.
//!
//! ```text
//! cargo run --example tail_a_stream
//! ```

#![allow(clippy::print_stdout, reason = "a program for people")]

use cistern::{Cistern, stream::StartAt};
use std::{error::Error, thread, time::Duration};

fn main() -> Result<(), Box<dyn Error>> {
    let cistern = Cistern::in_memory();
    let orders = cistern.create_stream("orders", 2)?;
    let mut tail = orders.tail(StartAt::TrimHorizon)?;

    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..=10 {
                let customer = format!("customer-{}", number % 3);
                let receipt = orders.put(customer, format!("order {number}"));
                receipt.expect("a store in memory takes a small record");
            }
        });
        for _ in 1..=10 {
            let record = tail.next_within(Duration::from_secs(10))?.ok_or("nothing was put")?;
            println!(
                "{} {}: {}",
                record.shard_id(),
                &*record.partition_key,
                String::from_utf8_lossy(&record.data)
            );
        }
        Ok(())
    })
}
