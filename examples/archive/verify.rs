//! Read every byte back, and compare it with the files.

use crate::{
    FILES,
    backup::Run,
    folder::{Folder, Source},
    problem::Result,
    progress,
};
use cistern::{Bucket, Error};
use std::io::{self, Read};

pub(crate) fn verify(bucket: &Bucket, folder: &Folder, run: &mut Run) -> Result<()> {
    let bar = progress(folder.bytes, "verify");
    for source in &folder.files {
        match compare(bucket, source)? {
            Compared::Same(bytes) => run.bytes_verified += bytes,
            Compared::Different => run.damaged.push(source.name.clone()),
            Compared::Moved => run.moving.push(source.name.clone()),
        }
        bar.inc(source.len);
    }
    bar.finish_and_clear();
    Ok(())
}

enum Compared {
    Same(u64),
    /// The file is as it was archived, and the object is not.
    Different,
    /// The file is not what it was, or was not archived at all.
    Moved,
}

fn compare(bucket: &Bucket, source: &Source) -> Result<Compared> {
    let object = match bucket.get(format!("{FILES}{}", source.name)) {
        Ok(object) => object,
        Err(Error::NoSuchKey { .. } | Error::KeyTooLong { .. }) => return Ok(Compared::Moved),
        Err(error) => return Err(error.into()),
    };
    let (info, len) = (object.info().clone(), object.size());
    let same = source.open().and_then(|file| same_bytes(file, object.into_reader()));
    if let Ok(true) = same {
        return Ok(Compared::Same(len));
    }
    // Whose fault is it? A file that still has the archived checksum has not moved.
    let still = source.sum().is_ok_and(|(len, sum)| source.is_in(&info, len, &sum));
    Ok(if still { Compared::Different } else { Compared::Moved })
}

fn same_bytes(mut left: impl Read, mut right: impl Read) -> io::Result<bool> {
    let (mut one, mut two) = (vec![0; 256 << 10], vec![0; 256 << 10]);
    loop {
        let (ones, twos) = (fill(&mut left, &mut one)?, fill(&mut right, &mut two)?);
        if one[..ones] != two[..twos] {
            return Ok(false);
        }
        if ones == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the bytes end.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
