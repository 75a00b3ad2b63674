//! Bring the bucket to the state of a folder, writing no more than has changed.

use crate::{
    FILES,
    folder::{Folder, Source, Unread},
    problem::{Problem, Result},
    progress,
};
use cistern::{
    Body, Bucket, DeleteCondition, DeleteOptions, Durability, Error, ObjectInfo, PutOptions, Tags,
};
use std::collections::HashSet;

/// How often a file that is being written is tried again.
const ATTEMPTS: usize = 3;

/// What one run has done.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) new: Vec<String>,
    pub(crate) changed: Vec<String>,
    pub(crate) deleted: Vec<String>,
    /// Left out, with the reason.
    pub(crate) skipped: Vec<String>,
    /// Did not come back as they were written.
    pub(crate) damaged: Vec<String>,
    /// Changed on disk before they could be compared.
    pub(crate) moving: Vec<String>,
    pub(crate) unchanged: u64,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    pub(crate) bytes_verified: u64,
}

/// What became of one file.
enum Outcome {
    New(u64),
    Changed(u64),
    Unchanged,
    Skipped(String),
}

pub(crate) fn backup(bucket: &Bucket, folder: &Folder) -> Result<Run> {
    let mut run = Run::default();
    let bar = progress(folder.bytes, "archive");
    for source in &folder.files {
        let outcome = store(bucket, source).map_err(|problem| {
            Problem::new(format!("cannot archive {}: {problem}", source.name))
        })?;
        match outcome {
            Outcome::New(bytes) => {
                run.bytes_written += bytes;
                run.new.push(source.name.clone());
            }
            Outcome::Changed(bytes) => {
                run.bytes_written += bytes;
                run.changed.push(source.name.clone());
            }
            Outcome::Unchanged => run.unchanged += 1,
            Outcome::Skipped(why) => run.skipped.push(format!("{}: {why}", source.name)),
        }
        run.bytes_read += source.len;
        bar.inc(source.len);
    }
    bar.finish_and_clear();
    for Unread { name, why } in &folder.unread {
        run.skipped.push(format!("{name}: {why}"));
    }
    delete_vanished(bucket, folder, &mut run)?;
    Ok(run)
}

/// Writes a file, unless the bucket has it already.
fn store(bucket: &Bucket, source: &Source) -> Result<Outcome> {
    let key = format!("{FILES}{}", source.name);
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        let (len, sum) = match source.sum() {
            Ok(sum) => sum,
            Err(error) => return Ok(Outcome::Skipped(error.to_string())),
        };
        let seen = match current(bucket, &key) {
            // A path that is too long for a key is told, and does not stop the rest.
            Err(error @ Error::KeyTooLong { .. }) => {
                return Ok(Outcome::Skipped(error.to_string()));
            }
            seen => seen?,
        };
        if seen.as_ref().is_some_and(|object| source.is_in(object, len, &sum)) {
            return Ok(Outcome::Unchanged);
        }
        // Only over what was seen: when another program writes to this bucket too, its version is
        // not hidden behind ours without anybody having looked at it.
        let options = PutOptions::new()
            .metadata(source.metadata()?)
            .tags(tags(source))
            .checksum(sum)
            .durability(Durability::Os);
        let options = match &seen {
            Some(object) => options.if_match(object.etag()),
            None => options.if_absent(),
        };
        let reader = match source.open() {
            Ok(reader) => reader,
            Err(error) => return Ok(Outcome::Skipped(error.to_string())),
        };
        match bucket.put_with(&key, Body::reader(reader).with_len(len), &options) {
            Ok(_) if seen.is_some() => return Ok(Outcome::Changed(len)),
            Ok(_) => return Ok(Outcome::New(len)),
            // The file, or the object, is another one than a moment ago: look again.
            Err(
                error @ (Error::BadDigest { .. }
                | Error::IncompleteBody { .. }
                | Error::PreconditionFailed { .. }
                | Error::NoSuchKey { .. }
                | Error::ConditionalRequestConflict { .. }),
            ) => why = error.to_string(),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Outcome::Skipped(format!("it keeps changing: {why}")))
}

fn current(bucket: &Bucket, key: &str) -> cistern::Result<Option<ObjectInfo>> {
    match bucket.head(key) {
        Ok(object) => Ok(Some(object)),
        Err(Error::NoSuchKey { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tags by which lifecycle rules and policies could tell files apart.
fn tags(source: &Source) -> Tags {
    let top = source.name.split_once('/').map_or("", |(top, _)| top);
    let extension = source.path.extension().and_then(|extension| extension.to_str());
    let mut tags = Tags::new();
    for (name, value) in [("top", top), ("extension", extension.unwrap_or_default())] {
        // Not every file name can be a tag.
        if !value.is_empty()
            && let Ok(tagged) = tags.clone().with(name, value)
        {
            tags = tagged;
        }
    }
    tags
}

/// Hides what is not in the folder any more behind delete markers.
fn delete_vanished(bucket: &Bucket, folder: &Folder, run: &mut Run) -> Result<()> {
    let here: HashSet<&str> = folder.files.iter().map(|source| source.name.as_str()).collect();
    for object in bucket.list(FILES) {
        let object = object?;
        let name = &object.key().as_str()[FILES.len()..];
        if here.contains(name) || folder.unread.iter().any(|unread| is_within(name, &unread.name)) {
            continue;
        }
        let options = DeleteOptions::new()
            .condition(DeleteCondition::IfMatch(object.etag()))
            .durability(Durability::Os);
        bucket.delete_with(object.key(), &options)?;
        run.deleted.push(name.to_owned());
    }
    Ok(())
}

/// True for a path that is another one or lies below it; everything lies below the empty path.
fn is_within(name: &str, folder: &str) -> bool {
    let rest = name.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.is_empty())
}
