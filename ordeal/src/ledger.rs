//! `Ledger`: what a writer told before it ended.

use cistern::Durability;
use std::{collections::BTreeMap, fmt, str::FromStr};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The store is open; steps begin.
    Opened,
    /// A thread's step was acknowledged.
    Done(u32, u64, Durability),
    /// A thread's step failed: whether it was done is in doubt.
    Failed(u32, u64, String),
    /// Opening or closing failed.
    Broken(String),
    /// After a failure, one more write was tried, and refused.
    Refused(String),
    /// After a failure, one more write was tried, and acknowledged.
    Accepted(String),
    /// Not by the writer: its medium is about to drop what it is given. What is told from here on
    /// may be lost.
    Cut,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => write!(f, "opened"),
            Self::Done(thread, step, Durability::Synced) => write!(f, "synced {thread} {step}"),
            Self::Done(thread, step, _) => write!(f, "done {thread} {step}"),
            Self::Failed(thread, step, why) => write!(f, "failed {thread} {step} {why}"),
            Self::Broken(why) => write!(f, "broken {why}"),
            Self::Refused(why) => write!(f, "refused {why}"),
            Self::Accepted(key) => write!(f, "accepted {key}"),
            Self::Cut => write!(f, "cut"),
        }
    }
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let unknown = || format!("no line of a ledger: {line}");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut numbers = rest.splitn(3, ' ');
        let mut step = || -> Option<(u32, u64)> {
            Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
        };
        match word {
            "opened" => Ok(Self::Opened),
            "synced" | "done" => {
                let (thread, step) = step().ok_or_else(unknown)?;
                let durability = match word {
                    "synced" => Durability::Synced,
                    _ => Durability::Os,
                };
                Ok(Self::Done(thread, step, durability))
            }
            "failed" => {
                let (thread, step) = step().ok_or_else(unknown)?;
                Ok(Self::Failed(thread, step, numbers.next().unwrap_or("").to_owned()))
            }
            "broken" => Ok(Self::Broken(rest.to_owned())),
            "refused" => Ok(Self::Refused(rest.to_owned())),
            "accepted" => Ok(Self::Accepted(rest.to_owned())),
            "cut" => Ok(Self::Cut),
            _ => Err(unknown()),
        }
    }
}

/// All that one life of a writer told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The lines, in the order in which they were written.
    pub entries: Vec<Entry>,
}

/// What is known of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// So many steps were acknowledged.
    pub done: u64,
    /// The last of these that was synced before any cut is in front of this number.
    pub synced: u64,
}

impl Ledger {
    /// Reads a ledger. A last line without an end was cut off: it told nothing yet.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let entries = whole.lines().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// What was told of each thread.
    ///
    /// # Errors
    /// When a thread's steps were not acknowledged one after the other.
    pub fn threads(&self) -> Result<BTreeMap<u32, Told>, String> {
        let mut threads: BTreeMap<u32, Told> = BTreeMap::new();
        let mut is_cut = false;
        for entry in &self.entries {
            is_cut |= *entry == Entry::Cut;
            let Entry::Done(thread, step, durability) = entry else { continue };
            let told = threads.entry(*thread).or_default();
            if told.done != *step {
                return Err(format!("thread {thread} told step {step} after {} steps", told.done));
            }
            told.done += 1;
            if *durability == Durability::Synced && !is_cut {
                told.synced = told.done;
            }
        }
        Ok(threads)
    }

    /// Whether the store was open before any cut.
    #[must_use]
    pub fn is_opened(&self) -> bool {
        let mut before = self.entries.iter().take_while(|entry| **entry != Entry::Cut);
        before.any(|entry| *entry == Entry::Opened)
    }

    /// How many steps were acknowledged.
    #[must_use]
    pub fn done(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, Entry::Done(..))).count()
    }

    /// Whether any step, opening or closing failed.
    #[must_use]
    pub fn failures(&self) -> usize {
        let failed = |entry: &&Entry| matches!(entry, Entry::Failed(..) | Entry::Broken(_));
        self.entries.iter().filter(failed).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_as_they_were_written() {
        let entries = vec![
            Entry::Opened,
            Entry::Done(0, 0, Durability::Synced),
            Entry::Done(0, 1, Durability::Os),
            Entry::Failed(0, 2, "no room left".into()),
            Entry::Broken("gone".into()),
            Entry::Refused("poisoned".into()),
            Entry::Accepted("probe".into()),
            Entry::Cut,
            Entry::Done(0, 2, Durability::Synced),
        ];
        let text: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
        let ledger = Ledger::parse(&format!("{text}synced 0 1")).unwrap();
        assert_eq!(ledger.entries, entries);
        assert_eq!(ledger.threads().unwrap()[&0], Told { done: 3, synced: 1 });
        assert_eq!((ledger.done(), ledger.failures()), (3, 2));
    }

    #[test]
    fn what_is_told_behind_a_cut_is_promised_by_nobody() {
        let is_opened = |text: &str| Ledger::parse(text).unwrap().is_opened();
        assert!(is_opened("opened\ncut\n"));
        assert!(!is_opened("cut\nopened\nsynced 0 0\n"));
        let ledger = Ledger::parse("opened\ncut\nsynced 0 0\n").unwrap();
        assert_eq!(ledger.threads().unwrap()[&0], Told { done: 1, synced: 0 });
    }

    #[test]
    fn a_step_that_is_told_out_of_turn_is_refused() {
        assert!(Ledger::parse("synced 0 1\n").unwrap().threads().is_err());
        assert!(Ledger::parse("what\n").is_err());
    }
}
