//! Tables for people, `RATIO` lines for machines.

use std::fmt;

use crate::{contender::SyncLevel, measure::Turn};

/// The name of our own rows. What follows a blank says which setting.
pub const OURS: &str = "cistern";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// One measure of all contenders, in rounds that belong together.
pub struct Table {
    title: String,
    unit: &'static str,
    better: Better,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    level: Option<SyncLevel>,
    rounds: Vec<f64>,
    note: String,
}

/// A figure to reach: ours against `peer`, in the table called `scenario`.
pub struct Target<'a> {
    pub scenario: String,
    pub ours: &'a str,
    pub peer: &'a str,
    pub want: f64,
}

impl Table {
    pub fn new(title: impl Into<String>, unit: &'static str, better: Better) -> Self {
        Self { title: title.into(), unit, better, rows: Vec::new() }
    }

    pub fn row(
        &mut self,
        name: &str,
        level: impl Into<Option<SyncLevel>>,
        rounds: Vec<f64>,
        note: impl Into<String>,
    ) -> &mut Self {
        self.rows.push(Row { name: name.into(), level: level.into(), rounds, note: note.into() });
        self
    }

    /// A row of timed turns, with the percentiles of the median round.
    pub fn turns(&mut self, name: &str, level: SyncLevel, turns: &[Turn]) -> &mut Self {
        let p50 = Span::of(turns.iter().map(|turn| turn.p50).collect());
        let p99 = Span::of(turns.iter().map(|turn| turn.p99).collect());
        let note = if p50.median > 0.0 {
            format!("p50 {:.0} us, p99 {:.0} us", p50.median, p99.median)
        } else {
            String::new()
        };
        self.row(name, level, turns.iter().map(|turn| turn.per_second).collect(), note)
    }

    /// A table that nothing was measured for says nothing.
    pub fn print(&self) {
        if self.rows.is_empty() {
            return;
        }
        println!("\n## {} ({}, median [min..max] of rounds)\n", self.title, self.unit);
        println!("| contender | acknowledged when | {} | ours / this | |", self.unit);
        println!("|---|---|---|---|---|");
        for row in self.rows.iter().filter(|row| !row.rounds.is_empty()) {
            let span = Span::of(row.rounds.clone());
            let ratio = self.ratio(OURS, &row.name).filter(|_| row.name != OURS);
            let ratio = ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
            let level = row.level.map(|level| level.to_string()).unwrap_or_default();
            println!("| {} | {level} | {span} | {ratio} | {} |", row.name, row.note);
        }
    }

    /// How many times better `ours` is than `peer`, round by round.
    ///
    /// Rounds are compared in pairs and not by their medians: what the disk did in one round, it
    /// did to both.
    pub fn ratio(&self, ours: &str, peer: &str) -> Option<Span> {
        let [ours, peer] = [ours, peer]
            .map(|name| self.rows.iter().find(|row| row.name == name && !row.rounds.is_empty()));
        let pairs = ours?.rounds.iter().zip(&peer?.rounds);
        let ratios: Vec<f64> = match self.better {
            Better::Higher => pairs.map(|(ours, peer)| ours / peer).collect(),
            Better::Lower => pairs.map(|(ours, peer)| peer / ours).collect(),
        };
        Some(Span::of(ratios))
    }

    fn median(&self, name: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.name == name && !row.rounds.is_empty())?;
        Some(Span::of(row.rounds.clone()).median)
    }

    /// The machine's line, when both sides ran.
    pub fn target(&self, target: &Target<'_>) -> Option<Ratio> {
        Some(Ratio {
            scenario: target.scenario.clone(),
            ours: self.median(target.ours)?,
            peer: target.peer.into(),
            value: self.ratio(target.ours, target.peer)?.median,
            want: target.want,
        })
    }
}

/// One line for machines. `value` at or above `want` is a figure reached.
pub struct Ratio {
    pub scenario: String,
    pub ours: f64,
    pub peer: String,
    pub value: f64,
    pub want: f64,
}

impl Ratio {
    /// A figure with a bound of its own instead of a peer: `value` says how far below it we are.
    pub fn below(scenario: &str, bound_name: &str, ours: f64, bound: f64) -> Self {
        Self {
            scenario: scenario.into(),
            ours,
            peer: bound_name.into(),
            value: bound / ours,
            want: 1.0,
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, ours, peer, value, want } = self;
        let peer = peer.replace(' ', "-");
        let ours = Figure(*ours);
        write!(f, "RATIO scenario={scenario} ours={ours} peer={peer} value={value:.3} want={want}")
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Span {
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        let least = values.first().copied().unwrap_or(f64::NAN);
        let most = values.last().copied().unwrap_or(f64::NAN);
        Self { median, least, most }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, most } = *self;
        write!(f, "{} [{}..{}]", Figure(median), Figure(least), Figure(most))
    }
}

/// A number with the digits that carry meaning: 12345, 123.4, 1.234.
pub struct Figure(pub f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            large if large >= 1000.0 => write!(f, "{:.0}", self.0),
            medium if medium >= 10.0 => write!(f, "{:.1}", self.0),
            small if small >= 0.1 || small == 0.0 => write!(f, "{:.3}", self.0),
            _ => write!(f, "{:.6}", self.0),
        }
    }
}
