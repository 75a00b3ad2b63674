//! Keep every version of an object, look back, and undo a delete and an overwrite.
//! Also the other side: what it takes to remove something for good.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::{
    Bucket, BucketOptions, Cistern, CopyOptions, CopySource, GetOptions, ObjectInfo, Result,
    Versioning,
};

fn main() -> Result<()> {
    let cistern = Cistern::in_memory();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let notes = cistern.create_bucket_with("notes", options)?;

    let first = notes.put("plan.txt", "buy a boat")?;
    notes.put("plan.txt", "sell the boat")?;
    notes.delete("plan.txt")?;
    println!("written twice, deleted once:");
    show(&notes)?;

    // A delete has hidden the object behind a marker. Every version is still there by its id.
    println!("the current object: {}", answer(&notes));
    let version = first.version.expect("a versioned bucket names its versions");
    let old = notes.get_with("plan.txt", &GetOptions::new().version(version))?;
    println!("the first version: {}", old.text()?);

    // Undo the delete: remove its marker, and what was current before is current again.
    let marker = newest(&notes)?.version();
    notes.delete_version("plan.txt", marker)?;
    println!("after removing the marker: {}", answer(&notes));

    // Undo the overwrite: copy the old version over the new one. No byte is moved.
    let source = CopySource::new(&notes, "plan.txt")?.version(version);
    notes.copy_with(&source, "plan.txt", &CopyOptions::new())?;
    println!("after copying the first version over it: {}", answer(&notes));
    show(&notes)?;

    // For good means: version by version. There is no way back from here.
    let all: Vec<_> = notes.list_versions("plan.txt").collect::<Result<_>>()?;
    for version in all {
        notes.delete_version(version.key(), version.version())?;
    }
    let stats = notes.stats()?.total();
    println!("removed for good: {} versions are left", stats.objects + stats.noncurrent);
    cistern.close()
}

fn answer(notes: &Bucket) -> String {
    let text = notes.get("plan.txt").and_then(|object| object.text());
    text.unwrap_or_else(|error| format!("({error})"))
}

fn newest(notes: &Bucket) -> Result<ObjectInfo> {
    notes.list_versions("plan.txt").next().expect("the key has versions")
}

fn show(notes: &Bucket) -> Result<()> {
    for version in notes.list_versions("") {
        let version = version?;
        let what = if version.is_delete_marker() {
            "delete marker".to_owned()
        } else {
            format!("{} bytes", version.size())
        };
        let latest = if version.is_latest() { "  <- latest" } else { "" };
        println!("  {} {} {what}{latest}", version.key(), version.version());
    }
    Ok(())
}
