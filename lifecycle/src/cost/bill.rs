//! `Bill`: an amount for each storage class and each kind of charge.

use cistern_storage_core::StorageClass;
use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Mul, Sub},
};

/// An amount of US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Usd(pub f64);

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Mul<f64> for Usd {
    type Output = Self;

    fn mul(self, by: f64) -> Self {
        Self(self.0 * by)
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.0))
    }
}

/// What an amount is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charge {
    /// Bytes kept.
    Storage,
    /// Puts, gets and their like.
    Requests,
    /// Moves by lifecycle.
    Transitions,
    /// Bytes read out of a class that charges for it.
    Retrieval,
    /// Restores: their requests and bytes.
    Restores,
    /// Days that a class bills at least, and an object did not stay.
    EarlyDeletion,
    /// Watching over objects of `INTELLIGENT_TIERING`.
    Monitoring,
}

impl Charge {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Storage,
        Self::Requests,
        Self::Transitions,
        Self::Retrieval,
        Self::Restores,
        Self::EarlyDeletion,
        Self::Monitoring,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Requests => "requests",
            Self::Transitions => "transitions",
            Self::Retrieval => "retrieval",
            Self::Restores => "restores",
            Self::EarlyDeletion => "early_deletion",
            Self::Monitoring => "monitoring",
        }
    }

    const fn at(self) -> usize {
        self as usize
    }
}

/// What is owed, by class and kind, for a day or for any sum of days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill([[Usd; Charge::ALL.len()]; StorageClass::ALL.len()]);

impl Bill {
    /// Adds an amount.
    pub fn add(&mut self, class: StorageClass, charge: Charge, amount: Usd) {
        self.0[usize::from(class.code())][charge.at()] += amount;
    }

    /// The amount of one class and kind.
    #[must_use]
    pub fn amount(&self, class: StorageClass, charge: Charge) -> Usd {
        self.0[usize::from(class.code())][charge.at()]
    }

    /// What a class costs.
    #[must_use]
    pub fn of_class(&self, class: StorageClass) -> Usd {
        self.0[usize::from(class.code())].iter().copied().sum()
    }

    /// What a kind of charge comes to.
    #[must_use]
    pub fn of_charge(&self, charge: Charge) -> Usd {
        self.0.iter().map(|class| class[charge.at()]).sum()
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> Usd {
        self.0.iter().flatten().copied().sum()
    }
}

impl AddAssign<&Bill> for Bill {
    fn add_assign(&mut self, other: &Bill) {
        for (mine, theirs) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *mine += *theirs;
        }
    }
}

/// A table of classes by charges; classes that cost nothing are left out.
impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<20}", "class")?;
        for charge in Charge::ALL {
            write!(f, "{:>16}", charge.as_str())?;
        }
        writeln!(f, "{:>16}", "total")?;
        for class in StorageClass::ALL {
            if self.of_class(class) == Usd::default() {
                continue;
            }
            write!(f, "{:<20}", class.as_str())?;
            for charge in Charge::ALL {
                write!(f, "{:>16}", self.amount(class, charge))?;
            }
            writeln!(f, "{:>16}", self.of_class(class))?;
        }
        write!(f, "{:<20}", "all")?;
        for charge in Charge::ALL {
            write!(f, "{:>16}", self.of_charge(charge))?;
        }
        writeln!(f, "{:>16}", self.total())
    }
}
