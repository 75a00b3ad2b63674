//! The promises of [`Backend`](cistern_storage_core::port::Backend), and how to ask for them.
//!
//! One file a chapter of the contract: `blobs`, `owners`, `rows`, `commits`, `counters`, `tickets`,
//! `visibility`, `closing`, `reopening`, `power`. A promise is a function that takes a fresh
//! [`Fixture`] and panics when the backend breaks it; its name says what is promised.

#![expect(clippy::panic, reason = "a check that fails panics: that is how tests speak")]
#![expect(clippy::needless_pass_by_value, reason = "a check has a backend for itself")]

#[macro_use]
mod promises;
mod blobs;
mod bodies;
mod closing;
mod commits;
mod counters;
mod fixture;
mod owners;
mod power;
mod reopening;
mod report;
mod rows;
mod shorthand;
mod tickets;
mod visibility;

pub use fixture::Fixture;
pub use report::{Broken, Report};

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Asks a backend for every promise that its capabilities call for. `make` gives a fresh and empty
/// one each time.
///
/// Cost: some seconds, a few dozen MiB, a fresh backend a promise.
pub fn run(make: impl Fn() -> Fixture) -> Report {
    let mut report = Report::default();
    for promise in PROMISES {
        let asked = catch_unwind(AssertUnwindSafe(|| promise.ask(make())));
        match asked {
            Ok(Answer::Held) => report.held.push(promise.name),
            Ok(Answer::NotAsked) => report.not_asked.push(promise.name),
            Err(panic) => report.broken.push(Broken::new(promise.name, &*panic)),
        }
    }
    report
}

/// Asks for one promise by its name: what each test of [`backend_suite!`](crate::backend_suite) does.
///
/// # Panics
/// When the backend breaks it, or there is no promise of that name.
pub fn ask(name: &str, make: impl FnOnce() -> Fixture) {
    let promise = PROMISES.iter().find(|promise| promise.name == name);
    promise.expect("the name of a promise").ask(make());
}

/// The names of all promises.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROMISES.iter().map(|promise| promise.name)
}

/// One sentence of the contract and its check.
struct Promise {
    name: &'static str,
    needs: Needs,
    check: fn(Fixture),
}

/// What a promise needs of a backend to be asked for.
#[derive(Clone, Copy)]
enum Needs {
    Nothing,
    Reopening,
    PowerCuts,
}

enum Answer {
    Held,
    NotAsked,
}

impl Promise {
    fn ask(&self, fixture: Fixture) -> Answer {
        let asked = fixture.asks_of();
        let applies = match self.needs {
            Needs::Nothing => true,
            Needs::Reopening => asked.reopens,
            Needs::PowerCuts => asked.loses_power,
        };
        if applies {
            (self.check)(fixture);
            Answer::Held
        } else {
            Answer::NotAsked
        }
    }
}

macro_rules! table_of_promises {
    (() $($chapter:ident needs $needs:ident { $($name:ident),* $(,)? })*) => {
        const PROMISES: &[Promise] = &[$($(
            Promise { name: stringify!($name), needs: Needs::$needs, check: $chapter::$name },
        )*)*];
    };
}

for_each_promise!([table_of_promises]());
