//! A photo site: users look at a picture for two months, and then hardly ever.
//!
//! Thumbnails can be made again, so they lie in one zone and go after 60 days. The pictures
//! themselves are read often for 60 days; then they are archived, and somebody who wants one waits
//! for up to six hours. 400 days of that, on a clock that this program moves.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::{
    Bucket, Cistern, Days, PutOptions, RestoreOptions, StorageClass, Timestamp,
    lifecycle::{LifecyclePolicy, Rule, RunReport},
    port::{Clock, ManualClock},
};
use std::{error::Error, sync::Arc, time::Duration};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);
const DAYS: u32 = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let start = Timestamp::parse_iso8601("2026-01-01T09:00:00Z").ok_or("no moment")?;
    let clock = Arc::new(ManualClock::new(start));
    let cistern = Cistern::builder().clock(Arc::clone(&clock) as _).build()?;
    let photos = cistern.create_bucket("photos")?;
    photos.set_lifecycle(LifecyclePolicy::new([
        Rule::prefix("thumbnails/").expire(Days(60)).id("thumbnails can be made again"),
        Rule::prefix("pictures/").transition(Days(60), StorageClass::Glacier).id("pictures sleep"),
    ])?)?;

    let mut said = 0;
    for day in 0..DAYS {
        // One picture every 50 days, with its thumbnail.
        if day % 50 == 0 {
            upload(&photos, day)?;
            println!("{}  picture {day:03} is uploaded", date(&clock));
        }
        clock.advance(DAY);
        said += tell(&clock, &cistern.lifecycle().run()?);
    }
    println!("{said} of {DAYS} nights had something to do; what is left:");
    for (class, stats) in &photos.stats()?.classes {
        println!("  {class}: {} objects, {} bytes", stats.objects, stats.object_bytes);
    }

    let hours = read_from_the_archive(&photos, &clock, "pictures/000.jpg")?;
    println!("the first picture was read {hours} hours after somebody asked for it");
    assert!(hours <= 6);
    // The picture of the day 350 is 50 days old, and so is its thumbnail.
    assert_eq!(photos.list("thumbnails/").count(), 1);
    assert_eq!(photos.stats()?.class(StorageClass::Glacier).objects, 7);
    Ok(())
}

fn upload(photos: &Bucket, day: u32) -> cistern::Result<()> {
    photos.put(format!("pictures/{day:03}.jpg"), vec![0xff; 1 << 20])?;
    let one_zone = PutOptions::new().storage_class(StorageClass::OnezoneIa);
    photos.put_with(format!("thumbnails/{day:03}.jpg"), vec![0xff; 8 << 10], &one_zone)?;
    Ok(())
}

/// Says what a night did; 1 when it did something.
fn tell(clock: &ManualClock, report: &RunReport) -> u32 {
    for bucket in &report.buckets {
        for ((from, to), count) in &bucket.transitions {
            println!("{}  {count} moved from {from} to {to}", date(clock));
        }
        for (class, count) in &bucket.deleted {
            println!("{}  {count} deleted from {class}", date(clock));
        }
    }
    u32::from(report.acts() > 0)
}

/// Asks for a picture that is archived, and tries until it can be read.
fn read_from_the_archive(photos: &Bucket, clock: &ManualClock, key: &str) -> cistern::Result<u32> {
    let refused = photos.get(key).map(drop).expect_err("it is archived");
    println!("{}  {key}: {} ({})", date(clock), refused.code(), refused.status());
    photos.restore_object(key, None, RestoreOptions::days(Days(2)))?;
    let mut hours = 0;
    while photos.get(key).is_err() {
        clock.advance(HOUR);
        hours += 1;
    }
    Ok(hours)
}

fn date(clock: &ManualClock) -> String {
    clock.now().to_iso8601()[..10].to_owned()
}
