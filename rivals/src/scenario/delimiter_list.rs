//! The top level of 1,000 prefixes with 100 keys each: a seek for each prefix, if it is done well.

use super::{Scenario, list_100k::tree_entrants};
use crate::{
    contender::{Outcome, Settings},
    measure::{Rounds, rounds, seconds},
    report::{Better, OURS, Ratio, Table, Target},
};

pub const SCENARIO: Scenario = Scenario {
    name: "delimiter-list",
    about: "1,000 common prefixes of 100 keys each, in prefixes a second, beside redb's seeks",
    run: run_all,
};

const PER_PREFIX: u64 = 100;

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let prefixes = settings.pick(1000, 100);
    let entrants = tree_entrants(settings, prefixes * PER_PREFIX, PER_PREFIX)?;
    let rates = rounds(Rounds::of(settings, 9, 3), &entrants, |_, entrant| {
        let (time, listed) = seconds(|| entrant.level())?;
        assert_eq!(listed, prefixes, "{} must list the level", entrant.name);
        Ok(prefixes as f64 / time)
    })?;
    let title = format!("delimiter-list: {prefixes} prefixes of {PER_PREFIX} keys");
    let mut table = Table::new(title, "prefixes/s", Better::Higher);
    for (entrant, rates) in entrants.iter().zip(rates) {
        table.row(&entrant.name, entrant.level, rates, "");
    }
    table.print();
    let target = Target { scenario: "delimiter-list".into(), ours: OURS, peer: "redb", want: 0.5 };
    Ok(table.target(&target).into_iter().collect())
}
