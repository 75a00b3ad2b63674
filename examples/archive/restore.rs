//! Bring an earlier state of a directory back, into a new folder.

use crate::{
    FILES,
    folder::{KIND, Kind, MODE, MODIFIED},
    problem::{Problem, Result},
    progress,
    runs::{self, State},
};
use cistern::{Bucket, GetOptions, ObjectInfo, Timestamp};
use indicatif::HumanBytes;
use std::{
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

pub(crate) fn restore(bucket: &Bucket, when: &str, target: &Path) -> Result<()> {
    let state = runs::state(bucket, when)?;
    let occupied = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || target.is_file() {
        return Err(Problem::new(format!(
            "{} is not an empty folder; nothing is ever written over",
            target.display()
        )));
    }
    let (mut files, mut bytes) = (0_u64, 0);
    for version in versions_of(bucket, state) {
        bytes += version?.size();
        files += 1;
    }
    if files == 0 {
        return Err(Problem::new(format!("nothing was archived by {when}; see --history")));
    }
    let bar = progress(bytes, "restore");
    for version in versions_of(bucket, state) {
        let version = version?;
        let size = version.size();
        write(bucket, &version, target)?;
        bar.inc(size);
    }
    bar.finish_and_clear();
    println!("restored {files} files of {} to {}", HumanBytes(bytes), target.display());
    Ok(())
}

/// What was current then, of every file that was there: the versions of a key come newest first, so
/// it is the first that had been written, unless that is a delete marker.
fn versions_of(bucket: &Bucket, state: State) -> impl Iterator<Item = cistern::Result<ObjectInfo>> {
    let mut settled = None;
    bucket.list_versions(FILES).filter(move |version| {
        let Ok(version) = version else { return true };
        if settled.as_ref() == Some(version.key()) || !state.has(version) {
            return false;
        }
        settled = Some(version.key().clone());
        !version.is_delete_marker()
    })
}

fn write(bucket: &Bucket, version: &ObjectInfo, target: &Path) -> Result<()> {
    let path = path_below(target, &version.key().as_str()[FILES.len()..])?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .map_err(|error| Problem::file("make the folder", parent, &error))?;
    }
    let object = bucket.get_with(version.key(), &GetOptions::new().version(version.version()))?;
    let written = if version.metadata().user(KIND) == Some(Kind::Link.as_str()) {
        make_link(&object.text()?, &path)
    } else {
        write_file(&mut object.into_reader(), version, &path)
    };
    written.map_err(|error| Problem::file("restore", &path, &error))
}

/// A key is no path: one that would lead out of the target is refused.
fn path_below(target: &Path, name: &str) -> Result<PathBuf> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if inside {
        return Ok(target.join(name));
    }
    Err(Problem::new(format!("`{name}` is no path within a folder")))
}

/// Reading checks every byte against the checksums: a damaged object is an error here.
fn write_file(body: &mut impl io::Read, version: &ObjectInfo, path: &Path) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    io::copy(body, &mut file)?;
    let said = |name| version.metadata().user(name);
    if let Some(modified) = said(MODIFIED).and_then(Timestamp::parse_iso8601) {
        let millis = u64::try_from(modified.as_millis()).unwrap_or_default();
        file.set_modified(UNIX_EPOCH + Duration::from_millis(millis))?;
    }
    match said(MODE).and_then(|mode| u32::from_str_radix(mode, 8).ok()) {
        Some(mode) => set_mode(&file, mode),
        None => Ok(()),
    }
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_link(to: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

#[cfg(not(unix))]
fn make_link(_to: &str, _path: &Path) -> io::Result<()> {
    Err(io::Error::other("symbolic links can be restored on Unix alone"))
}
