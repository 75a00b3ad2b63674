//! One part is written; the object is ten thousand copies of it, and no byte moves.

use std::path::Path;

use cistern::{Bucket, Cistern, CompletedPart, CopySource, EtagMode};

use crate::{
    contender::Outcome,
    measure::seconds,
    ours::Timed,
    workload::{MIB, Source},
};

/// Ten thousand of them, which is the most, are 5 TB.
const PART_BYTES: u64 = 500_000_000;
const SEED: &str = "seed.bin";
const ASSEMBLED: &str = "assembled.bin";
const RANGE_BYTES: u64 = MIB as u64;

pub fn far_end(folder: &Path, parts: u32) -> Outcome<Option<Vec<Timed>>> {
    let cistern = Cistern::builder().disk(folder).etag(EtagMode::Opaque).build()?;
    let bucket = cistern.create_bucket("far-end")?;
    let mut acts = Vec::new();
    let mut timed = |name, bounded, act: &dyn Fn() -> Outcome<()>| -> Outcome<()> {
        let (seconds, ()) = seconds(act)?;
        acts.push(Timed { name, seconds, bounded });
        Ok(())
    };
    let length = PART_BYTES * u64::from(parts);
    timed("put the part", false, &|| {
        let body = cistern::Body::reader(Source::new(PART_BYTES));
        bucket.put(SEED, body)?;
        Ok(())
    })?;
    timed("assemble", false, &|| assemble(&bucket, parts))?;
    timed("head", true, &|| {
        assert_eq!(bucket.head(ASSEMBLED)?.size(), length, "all parts must be there");
        Ok(())
    })?;
    timed("range at the end", true, &|| {
        let found = bucket.get_range(ASSEMBLED, length - RANGE_BYTES..length)?;
        let expected = bucket.get_range(SEED, PART_BYTES - RANGE_BYTES..PART_BYTES)?;
        assert!(found == expected, "the end of the object must be the end of the part");
        Ok(())
    })?;
    timed("delete", true, &|| {
        bucket.delete(ASSEMBLED)?;
        Ok(())
    })?;
    cistern.close()?;
    Ok(Some(acts))
}

fn assemble(bucket: &Bucket, parts: u32) -> Outcome<()> {
    let source = CopySource::new(bucket, SEED)?;
    let upload = bucket.create_upload(ASSEMBLED)?;
    let mut completed = Vec::new();
    for number in 1..=parts {
        let part = upload.copy_part(number, &source)?;
        completed.push(CompletedPart::from(part));
    }
    upload.complete(&completed)?;
    Ok(())
}
