//! What there is, and what a run has changed.

use crate::{FILES, backup::Run, problem::Result};
use cistern::Bucket;
use indicatif::HumanBytes;
use std::collections::BTreeMap;

/// How deep the tree is printed; deeper folders are counted where they hang.
const DEPTH: usize = 2;
/// How many names of each kind are printed.
const NAMES: usize = 20;

#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    files: u64,
    bytes: u64,
}

pub(crate) fn print(bucket: &Bucket, number: u64, run: &Run) -> Result<()> {
    print_tree(bucket)?;
    println!();
    print_names("new", &run.new, |_| Ok(String::new()))?;
    print_names("changed", &run.changed, |name| {
        let key = format!("{FILES}{name}");
        let versions = bucket.list_versions(key.as_str());
        let own = versions.filter(|version| match version {
            Ok(version) => *version.key() == *key,
            Err(_) => true,
        });
        Ok(format!("  ({} versions)", own.collect::<cistern::Result<Vec<_>>>()?.len()))
    })?;
    print_names("deleted", &run.deleted, |_| Ok(String::new()))?;
    print_names("skipped", &run.skipped, |_| Ok(String::new()))?;
    print_names("changed on disk meanwhile", &run.moving, |_| Ok(String::new()))?;
    print_names("NOT AS WRITTEN", &run.damaged, |_| Ok(String::new()))?;
    println!(
        "run {number}: {} new, {} changed, {} unchanged, {} deleted; {} read, {} written, {} verified",
        run.new.len(),
        run.changed.len(),
        run.unchanged,
        run.deleted.len(),
        HumanBytes(run.bytes_read),
        HumanBytes(run.bytes_written),
        HumanBytes(run.bytes_verified),
    );
    let stats = bucket.stats()?.total();
    println!(
        "bucket {}: {} objects of {}, and {} earlier versions",
        bucket.name(),
        stats.objects,
        HumanBytes(stats.object_bytes),
        stats.noncurrent,
    );
    Ok(())
}

/// One walk over the list: each object counts for every folder above it.
fn print_tree(bucket: &Bucket) -> Result<()> {
    let mut folders: BTreeMap<Vec<String>, Weight> = BTreeMap::new();
    for object in bucket.list(FILES) {
        let object = object?;
        let name = &object.key().as_str()[FILES.len()..];
        let parts: Vec<String> = name.split('/').map(str::to_owned).collect();
        for depth in 0..parts.len().min(DEPTH + 1) {
            let weight = folders.entry(parts[..depth].to_vec()).or_default();
            weight.files += 1;
            weight.bytes += object.size();
        }
    }
    for (parts, Weight { files, bytes }) in folders {
        let name = parts.last().map_or(".", String::as_str);
        let name = format!("{}{name}/", "  ".repeat(parts.len()));
        println!("{name:<40} {files:>7} files {:>12}", HumanBytes(bytes).to_string());
    }
    Ok(())
}

fn print_names(
    title: &str,
    names: &[String],
    remark: impl Fn(&str) -> Result<String>,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    println!("{title}:");
    for name in names.iter().take(NAMES) {
        println!("  {name}{}", remark(name)?);
    }
    if names.len() > NAMES {
        println!("  ... and {} more", names.len() - NAMES);
    }
    Ok(())
}
