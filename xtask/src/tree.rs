//! `Tree`: the files of the repository.

use crate::{Failure, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Folders that hold what was made, not written.
const NOT_OURS: [&str; 4] = [".git", "target", "artifacts", "corpus"];

/// The repository's root.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree whose cargo runs this program; without one, the tree that it was built from.
    pub(crate) fn of_workspace() -> Self {
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        Self { root: package.parent().expect("xtask lies in the root").to_owned() }
    }

    /// The tree in a folder.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Every file, as a path from the root with forward slashes, in order of name.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut files = Vec::new();
        self.collect(&self.root, &mut files)?;
        files.sort();
        Ok(files)
    }

    /// The text of one file.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path))
            .map_err(|error| Failure::new(format!("cannot read {path}: {error}")))
    }

    /// Replaces the text of one file.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        fs::write(self.root.join(path), text)
            .map_err(|error| Failure::new(format!("cannot write {path}: {error}")))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn collect(&self, folder: &Path, files: &mut Vec<String>) -> Result<()> {
        let failed =
            |error| Failure::new(format!("cannot list the folder {}: {error}", folder.display()));
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
                self.collect(&entry.path(), files)?;
            } else if kind.is_file() {
                files.push(self.relative(&entry.path()));
            }
        }
        Ok(())
    }

    fn relative(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).expect("the walk began at the root");
        path.to_string_lossy().replace('\\', "/")
    }
}
