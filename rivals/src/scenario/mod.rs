//! One file a scenario: who takes part, what is measured, which figures are to be reached.

mod big;
mod build;
mod churn;
mod delimiter_list;
mod far_end;
mod get_hot;
mod list_100k;
mod memory;
mod million;
mod put_durable;
mod put_nosync;
mod stream_10g;

use std::sync::Arc;

use crate::{
    contender::{Entrant, Outcome, Settings, Store, SyncLevel},
    ours::{self, Tag},
    report::Ratio,
};

pub struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    pub run: fn(&Settings) -> Outcome<Vec<Ratio>>,
}

/// Those that create few files come first: ext4 remembers deletes for minutes.
pub const ALL: &[Scenario] = &[
    put_durable::SCENARIO,
    put_nosync::SCENARIO,
    get_hot::SCENARIO,
    list_100k::SCENARIO,
    delimiter_list::SCENARIO,
    memory::SCENARIO,
    big::SCENARIO,
    churn::SCENARIO,
    million::SCENARIO,
    million::OPEN,
    million::KILL,
    million::SPACE,
    stream_10g::SCENARIO,
    far_end::SCENARIO,
    build::SCENARIO,
];

/// The other side of a scenario that needs a process of its own.
pub fn run_child(name: &str, arguments: &[String]) -> Outcome<()> {
    match name {
        "million-child" => million::child(arguments),
        "stream-child" => stream_10g::child(arguments),
        _ => Err(format!("there is no child `{name}`").into()),
    }
}

/// Our row on disk, when we are built in.
fn ours_on_disk(
    name: &str,
    settings: &Settings,
    level: SyncLevel,
    tag: Tag,
) -> Outcome<Option<Entrant>> {
    let store = ours::on_disk(&settings.fresh(name)?, level, tag)?;
    Ok(store.map(|store| {
        let store: Box<dyn crate::contender::Contender> = store;
        Entrant { name: name.into(), level, store: Store::Calls(Arc::from(store)) }
    }))
}

/// Our row in memory, when we are built in.
fn ours_in_memory(name: &str) -> Outcome<Option<Entrant>> {
    let store = ours::in_memory()?;
    Ok(store.map(|store| {
        let store: Box<dyn crate::contender::Contender> = store;
        Entrant {
            name: name.into(),
            level: SyncLevel::Memory,
            store: Store::Calls(Arc::from(store)),
        }
    }))
}
