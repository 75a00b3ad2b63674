//! A 5 TB object assembled from copied parts. No peer on local files can hold one, so that what is
//! compared is a bound: every act on it takes less than a second.

use super::Scenario;
use crate::{
    contender::{Outcome, Settings, SyncLevel},
    ours,
    report::{Better, OURS, Ratio, Table},
};

pub const SCENARIO: Scenario = Scenario {
    name: "far-end",
    about: "a 5 TB object assembled from copied parts: head, a range at its end, delete",
    run: run_all,
};

const BOUND_SECONDS: f64 = 1.0;

fn run_all(settings: &Settings) -> Outcome<Vec<Ratio>> {
    let parts = settings.pick(10_000, 500);
    let Some(acts) = ours::far_end(&settings.fresh("far-end")?, parts)? else {
        println!("\n## far-end\n\nonly Cistern copies parts by reference: built without `ours`");
        return Ok(Vec::new());
    };
    let title = format!("far-end: {parts} copied parts of 500 MB");
    let mut table = Table::new(title, "s", Better::Lower);
    let mut ratios = Vec::new();
    for act in acts {
        let name = format!("{OURS} {}", act.name);
        table.row(&name, SyncLevel::Synced, vec![act.seconds], "");
        if act.bounded {
            let scenario = format!("far-end/{}", act.name.replace(' ', "-"));
            ratios.push(Ratio::below(&scenario, "1-s", act.seconds, BOUND_SECONDS));
        }
    }
    table.print();
    Ok(ratios)
}
