//! A lake of files by country, year, month and day: build the keys, and read only what a question
//! needs. Then follow the lake's change feed, as a loader does that must miss no file.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::partitioning::{Partitioning, Predicate, Values, field, time};
use cistern::{Bucket, BucketOptions, ChangeFeed, Cistern, Cursor, Days, Result, Timestamp};

fn main() -> Result<()> {
    let cistern = Cistern::in_memory();
    let options = BucketOptions::new().change_feed(ChangeFeed::On);
    let lake = cistern.create_bucket_with("lake", options)?;

    // One description of the layout makes keys and reads them back.
    let sales = Partitioning::hive("sales/").text("country").year().month().day().build()?;
    let first_day = day("2025-01-01");
    for country in ["at", "ch", "de"] {
        for offset in 0..730 {
            let values =
                Values::new().with("country", country).at(first_day.plus_days(Days(offset)));
            lake.put(sales.key(&values, "part-0.csv")?, format!("{country};{offset}\n"))?;
        }
    }
    let example = sales.prefix(&Values::new().with("country", "Cote d'Or/Sud").at(first_day))?;
    println!("{} files in the lake; names are escaped: {example}", lake.list("").count());

    // Questions. Each walks down the levels and enters only what it can match.
    let germany = field("country").eq("de");
    let turn_of_year = time().between(day("2025-12-28"), day("2026-01-03"));
    ask(&lake, &sales, "everything", &Predicate::all())?;
    ask(&lake, &sales, "one country", &germany)?;
    ask(&lake, &sales, "one country, around new year", &germany.clone().and(turn_of_year))?;
    ask(&lake, &sales, "every November", &field("month").eq(11))?;
    ask(&lake, &sales, "all but Germany in 2026", &(!germany).and(field("year").eq(2026)))?;

    // What a key says comes back as values.
    let newest = lake.list("sales/country=de/").last().expect("there are files")?;
    let (values, file) = sales.parse(newest.key())?;
    let on = values.time().map_or("no day".to_owned(), Timestamp::to_iso8601);
    println!("{} is file {file} of {:?} on {on}", newest.key(), values.get("country"));

    // A loader keeps a cursor beside what it has loaded, and goes on from there.
    let mut cursor = Cursor::start();
    for change in lake.changes(cursor) {
        cursor = change?.cursor();
    }
    let kept = cursor.to_string();
    println!("loaded everything; the cursor to keep: {kept}");
    let values = Values::new().with("country", "de").at(day("2027-01-01"));
    lake.put(sales.key(&values, "part-0.csv")?, "de;730\n")?;
    for change in lake.changes(kept.parse()?) {
        let change = change?;
        println!("new since then: {} of {}", change.event().name, change.event().key);
        cursor = change.cursor();
    }
    println!("forgot {} changes that are dealt with", lake.trim_changes(cursor)?);
    cistern.close()
}

fn ask(lake: &Bucket, sales: &Partitioning, question: &str, predicate: &Predicate) -> Result<()> {
    let mut found = sales.prune(lake, predicate)?;
    let mut bytes = 0;
    for object in found.by_ref() {
        bytes += object?.size();
    }
    let stats = found.stats();
    println!(
        "{question}: {} files of {bytes} bytes; {} partitions entered, {} seen and passed over",
        stats.objects, stats.prefixes_visited, stats.prefixes_skipped,
    );
    Ok(())
}

fn day(text: &str) -> Timestamp {
    let midnight = format!("{text}T00:00:00Z");
    Timestamp::parse_iso8601(&midnight).expect("a day of the calendar")
}
