//! The names of one folder: as they are now, and as a crash may leave them.

use super::{FileNumber, crash::Chance};
use std::collections::BTreeMap;

type Names = BTreeMap<String, FileNumber>;

#[derive(Default)]
pub(super) struct Folder {
    now: Names,
    durable: Names,
    /// What happened since, in order.
    unsynced: Vec<NameChange>,
}

pub(super) enum NameChange {
    Made { name: String, file: FileNumber },
    Renamed { to: String, file: FileNumber },
    Removed { name: String, file: FileNumber },
}

impl Folder {
    pub(super) fn of(names: Names) -> Self {
        Self { now: names.clone(), durable: names, unsynced: Vec::new() }
    }

    pub(super) fn names(&self) -> &Names {
        &self.now
    }

    pub(super) fn find(&self, name: &str) -> Option<FileNumber> {
        self.now.get(name).copied()
    }

    pub(super) fn change(&mut self, change: NameChange) {
        change.apply(&mut self.now);
        self.unsynced.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.unsynced.clear();
        self.durable.clone_from(&self.now);
    }

    /// True when the file has a name here, or could have one after a crash.
    pub(super) fn may_name(&self, number: FileNumber) -> bool {
        let names = self.now.values().chain(self.durable.values());
        names.chain(self.unsynced.iter().map(NameChange::file)).any(|file| *file == number)
    }

    pub(super) fn crash(&self, chance: &mut Chance) -> Names {
        let mut names = self.durable.clone();
        for change in &self.unsynced {
            if chance.whole() {
                change.apply(&mut names);
            }
        }
        names
    }
}

impl NameChange {
    fn file(&self) -> &FileNumber {
        match self {
            Self::Made { file, .. } | Self::Renamed { file, .. } | Self::Removed { file, .. } => {
                file
            }
        }
    }

    /// Names may be others than when the change was made, as earlier changes may have been lost: a
    /// name is taken away only from the file that had it.
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Made { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Renamed { to, file } => {
                // Whatever it was called before: no file system leaves a file with two names.
                names.retain(|_, named| named != file);
                names.insert(to.clone(), *file);
            }
            Self::Removed { name, file } => {
                if names.get(name) == Some(file) {
                    names.remove(name);
                }
            }
        }
    }
}
