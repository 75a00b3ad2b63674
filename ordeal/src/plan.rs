//! `Plan`: what one thread of a writer does, and what the store holds afterwards.

use bytes::Bytes;
use cistern::Durability;
use std::collections::BTreeMap;

/// One thread's steps in one life of the writer. They follow from these numbers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Tells one run of the test from another.
    pub seed: u64,
    /// How often the writer was started on this store.
    pub life: u64,
    /// The thread.
    pub thread: u32,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The key that it changes.
    pub key: String,
    /// What it does to the key.
    pub act: Act,
    /// What it waits for.
    pub durability: Durability,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Puts a body.
    Put(Piece),
    /// Puts a body by parts.
    Upload(Vec<Piece>),
    /// Copies what is under another key; does nothing when nothing is.
    Copy(String),
    /// Deletes.
    Delete,
}

/// Bytes that follow from a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    seed: u64,
    len: usize,
}

impl Piece {
    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> Bytes {
        let mut dice = Dice(self.seed);
        let mut bytes = Vec::with_capacity(self.len + 8);
        while bytes.len() < self.len {
            bytes.extend_from_slice(&dice.word().to_le_bytes());
        }
        bytes.truncate(self.len);
        bytes.into()
    }
}

impl Plan {
    /// What the keys of this thread begin with.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("thread-{}/", self.thread)
    }

    /// The step of that number.
    #[must_use]
    pub fn step(&self, number: u64) -> Step {
        let mut dice = Dice::of(&[self.seed, self.life, self.thread.into(), number]);
        let at = dice.below(KEYS);
        let key = self.key(at);
        let durability = if dice.below(3) == 0 { Durability::Os } else { Durability::Synced };
        let act = match dice.below(100) {
            0..40 => Act::Put(dice.piece(0..=900)),
            40..64 => Act::Put(dice.piece(1_000..=60_000)),
            // More than one checksum a frame.
            64..70 => Act::Put(dice.piece(65_000..=200_000)),
            // Written past the log's buffer, or to a file of its own.
            70..75 => Act::Put(dice.piece(260_000..=400_000)),
            75..87 => Act::Delete,
            87..94 => {
                Act::Upload((0..=dice.below(3)).map(|_| dice.piece(1_000..=150_000)).collect())
            }
            _ => Act::Copy(self.key((at + 1 + dice.below(KEYS - 1)) % KEYS)),
        };
        Step { key, act, durability }
    }

    fn key(&self, number: u64) -> String {
        format!("{}key-{number}", self.prefix())
    }
}

/// What a thread's keys hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings(BTreeMap<String, Vec<Piece>>);

impl Holdings {
    /// Does a step.
    pub fn apply(&mut self, step: &Step) {
        let key = || step.key.clone();
        match &step.act {
            Act::Put(piece) => drop(self.0.insert(key(), vec![*piece])),
            Act::Upload(pieces) => drop(self.0.insert(key(), pieces.clone())),
            Act::Copy(from) => {
                if let Some(pieces) = self.0.get(from).cloned() {
                    self.0.insert(key(), pieces);
                }
            }
            Act::Delete => drop(self.0.remove(&step.key)),
        }
    }

    /// The first difference from what was found under the same prefix.
    #[must_use]
    pub fn difference(&self, found: &BTreeMap<String, Bytes>) -> Option<String> {
        let unexpected = found.keys().find(|key| !self.0.contains_key(*key));
        if let Some(key) = unexpected {
            return Some(format!("{key} is there, and ought not to be"));
        }
        self.0.iter().find_map(|(key, pieces)| {
            let Some(found) = found.get(key) else {
                return Some(format!("{key} is not there, and ought to be"));
            };
            (!is_made_of(found, pieces)).then(|| {
                let len: usize = pieces.iter().map(|piece| piece.len).sum();
                format!("{key} holds {} bytes that are not the {len} expected", found.len())
            })
        })
    }
}

fn is_made_of(found: &Bytes, pieces: &[Piece]) -> bool {
    let len: usize = pieces.iter().map(|piece| piece.len).sum();
    if found.len() != len {
        return false;
    }
    let mut rest = &found[..];
    pieces.iter().all(|piece| {
        let (this, behind) = rest.split_at(piece.len);
        rest = behind;
        this == piece.bytes()
    })
}

/// Chance that repeats from its seed (Steele, Lea and Flood's `SplitMix64`).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that follow from several numbers.
    #[must_use]
    pub fn of(numbers: &[u64]) -> Self {
        Self(numbers.iter().fold(0, |seed, number| Self(seed ^ number).word()))
    }

    /// Any number.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.word() % limit
    }

    fn piece(&mut self, lens: std::ops::RangeInclusive<u64>) -> Piece {
        let len = lens.start() + self.below(lens.end() - lens.start() + 1);
        Piece { seed: self.word(), len: usize::try_from(len).expect("a piece is small") }
    }
}

/// Few, so that most steps change something that is there.
const KEYS: u64 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { seed: 1, life: 2, thread: 3 };

    #[test]
    fn steps_follow_from_their_numbers_and_are_of_every_kind() {
        let kinds: Vec<_> = (0..200).map(|number| PLAN.step(number)).collect();
        assert_eq!(kinds, (0..200).map(|number| PLAN.step(number)).collect::<Vec<_>>());
        let is_there = |kind: fn(&Act) -> bool| kinds.iter().any(|step| kind(&step.act));
        assert!(is_there(|act| matches!(act, Act::Put(_))));
        assert!(is_there(|act| matches!(act, Act::Upload(pieces) if pieces.len() > 1)));
        assert!(is_there(|act| matches!(act, Act::Copy(_))));
        assert!(is_there(|act| matches!(act, Act::Delete)));
    }

    #[test]
    fn a_difference_of_one_byte_or_one_key_is_told() {
        let mut holdings = Holdings::default();
        let piece = Piece { seed: 5, len: 9 };
        let step = Step {
            key: "a".into(),
            act: Act::Upload(vec![piece, piece]),
            durability: Durability::Os,
        };
        holdings.apply(&step);
        let bytes = [piece.bytes(), piece.bytes()].concat();
        let mut found = BTreeMap::from([("a".to_owned(), Bytes::from(bytes.clone()))]);
        assert_eq!(holdings.difference(&found), None);
        let mut other = bytes;
        other[17] ^= 1;
        found.insert("a".to_owned(), other.into());
        assert!(holdings.difference(&found).is_some());
        assert!(holdings.difference(&BTreeMap::new()).is_some());
        holdings.apply(&Step { act: Act::Delete, ..step });
        assert!(holdings.difference(&found).is_some());
    }
}
