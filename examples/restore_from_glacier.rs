//! Bring archived objects back: ask, wait on the clock, read, ask faster, and leave for good.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::{
    Bucket, Cistern, CopyOptions, CopySource, Days, PutOptions, RestoreOptions, RestoreTier,
    StorageClass, Timestamp,
    port::{Clock, ManualClock},
};
use std::{error::Error, sync::Arc, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let start = Timestamp::parse_iso8601("2026-03-02T08:00:00Z").ok_or("no moment")?;
    let clock = Arc::new(ManualClock::new(start));
    let cistern = Cistern::builder().clock(Arc::clone(&clock) as _).build()?;
    let vault = cistern.create_bucket("vault")?;
    let glacier = PutOptions::new().storage_class(StorageClass::Glacier);
    for key in ["2019.tar", "2020.tar"] {
        vault.put_with(key, "the books of a year", &glacier)?;
    }

    // Archived bytes are not read. What is known of them is.
    let error = vault.get("2019.tar").map(drop).expect_err("it is archived");
    println!("{}: {error}", error.code());
    println!("2019.tar has {} bytes", vault.head("2019.tar")?.size());

    // Ask for a copy, and wait: at the standard speed up to five hours.
    vault.restore_object("2019.tar", None, RestoreOptions::days(Days(3)))?;
    show(&vault, &clock, "2019.tar")?;
    clock.advance(MINUTE * 60 * 5);
    show(&vault, &clock, "2019.tar")?;
    println!("read: {}", vault.get("2019.tar")?.text()?);

    // A slow restore is sped up when somebody is in a hurry.
    let slow = RestoreOptions::days(Days(1)).tier(RestoreTier::Bulk);
    println!("bulk: {:?}", vault.restore_object("2020.tar", None, slow)?);
    let again = vault.restore_object("2020.tar", None, slow).expect_err("one runs");
    println!("bulk again: {}", again.code());
    let fast = slow.tier(RestoreTier::Expedited);
    println!("expedited: {:?}", vault.restore_object("2020.tar", None, fast)?);
    clock.advance(MINUTE * 5);
    println!("read: {}", vault.get("2020.tar")?.text()?);

    // The copy lapses by itself. A copy onto itself takes the object out of the archive for good.
    let warm = CopyOptions::new().storage_class(StorageClass::Standard);
    vault.copy_with(&CopySource::new(&vault, "2020.tar")?, "2020.tar", &warm)?;
    clock.advance(MINUTE * 60 * 24 * 5);
    show(&vault, &clock, "2019.tar")?;
    assert_eq!(vault.get("2019.tar").map(drop).expect_err("archived").code(), "InvalidObjectState");
    println!("read for ever: {}", vault.get("2020.tar")?.text()?);
    Ok(())
}

fn show(vault: &Bucket, clock: &ManualClock, key: &str) -> cistern::Result<()> {
    let restore = vault.head(key)?.restore();
    let header = restore.and_then(|restore| restore.header(clock.now()));
    println!("{}  {key}: {}", clock.now(), header.as_deref().unwrap_or("archived"));
    Ok(())
}
