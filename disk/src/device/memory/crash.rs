//! What losing power leaves of what was not synced.

/// What becomes of everything that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// All of it is lost: the medium at its slowest.
    LoseAll,
    /// All of it is kept: as when only the process dies.
    KeepAll,
    /// Each write and each name is kept, lost or torn by chance; the same seed, the same choice.
    Seeded(u64),
}

/// What becomes of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    Kept,
    /// By sector: ask [`Chance::coin`] for each.
    Torn,
}

/// Decides, in the order it is asked.
pub(super) struct Chance {
    crash: Crash,
    state: u64,
    /// Of 256 writes, how many are lost, and how many are lost or kept; the others are torn.
    lost: u64,
    lost_or_kept: u64,
}

impl Chance {
    pub(super) fn new(crash: Crash) -> Self {
        let state = if let Crash::Seeded(seed) = crash { seed } else { 0 };
        let mut chance = Self { crash, state, lost: 0, lost_or_kept: 0 };
        // Even chances alone would hardly ever lose just one of many writes, or keep just one.
        (chance.lost, chance.lost_or_kept) = match chance.draw() % 4 {
            0 => (16, 240),
            1 => (224, 240),
            2 => (96, 192),
            _ => (32, 64),
        };
        chance
    }

    pub(super) fn fate(&mut self) -> Fate {
        match self.crash {
            Crash::LoseAll => Fate::Lost,
            Crash::KeepAll => Fate::Kept,
            Crash::Seeded(_) => match self.draw() % 256 {
                roll if roll < self.lost => Fate::Lost,
                roll if roll < self.lost_or_kept => Fate::Kept,
                _ => Fate::Torn,
            },
        }
    }

    /// Kept or lost, for what cannot be torn.
    pub(super) fn whole(&mut self) -> bool {
        match self.fate() {
            Fate::Lost => false,
            Fate::Kept => true,
            Fate::Torn => self.coin(),
        }
    }

    pub(super) fn coin(&mut self) -> bool {
        self.draw() & 1 == 1
    }

    /// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators").
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
