//! `Simulation`: what every day holds and costs, and what happens when.

use super::{
    Assumptions, Population,
    life::{Unit, World},
    timeline::Timeline,
};
use crate::{
    calendar::{Month, civil, day_number, day_start},
    cost::{Bill, Charge, GB, Usd, float},
    error::Result,
    evaluate::Action,
    policy::LifecyclePolicy,
};
use cistern_storage_core::{StorageClass, Timestamp};
use std::{collections::BTreeMap, fmt, fmt::Write as _};

/// What a class holds on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    /// Objects and noncurrent versions.
    pub objects: f64,
    /// Their bytes as they are, not as they are billed.
    pub bytes: f64,
}

/// A day of a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct DayFigures {
    /// 00:00Z of it.
    pub day: Timestamp,
    /// What each class holds after that day's run, in the order of [`StorageClass::ALL`].
    pub held: [Held; StorageClass::ALL.len()],
    /// What the day costs.
    pub bill: Bill,
}

impl DayFigures {
    /// What a class holds.
    #[must_use]
    pub fn class(&self, class: StorageClass) -> Held {
        self.held[usize::from(class.code())]
    }

    /// The bytes of all classes.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        self.held.iter().map(|held| held.bytes).sum()
    }
}

/// What one rule does on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// 00:00Z of the day.
    pub day: Timestamp,
    /// The rule.
    pub rule_id: Box<str>,
    /// What it does.
    pub action: Action,
    /// To how many objects.
    pub objects: f64,
    /// Their bytes.
    pub bytes: f64,
}

impl Change {
    /// Whether bytes that could be read at once must be restored first from then on.
    #[must_use]
    pub fn makes_slow(&self) -> bool {
        matches!(self.action, Action::Transition(class) if class.is_archive())
    }

    /// Whether bytes are gone for good.
    #[must_use]
    pub fn deletes(&self) -> bool {
        self.action == Action::Delete && self.bytes > 0.0
    }
}

/// What a policy does to a population, day by day.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Every day.
    pub days: Vec<DayFigures>,
    /// What happens, by day, rule and action.
    pub changes: Vec<Change>,
}

impl Population {
    /// What `policy` does to these objects, and to what is put meanwhile.
    ///
    /// A run happens at every midnight, the first when the plan begins. Objects are not deleted or
    /// overwritten by anybody else; newer versions that the plan itself makes do not count for
    /// `NewerNoncurrentVersions`.
    ///
    /// Cost: a microsecond or so for each cohort and thing that happens to it.
    ///
    /// # Errors
    /// [`crate::Error::InvalidValue`] for a policy or model with a filter that is not watched.
    pub fn simulate(
        &self,
        policy: &LifecyclePolicy,
        assumptions: &Assumptions,
    ) -> Result<Simulation> {
        let models = assumptions.access.profiles.iter().map(|(filter, _)| filter);
        self.check_watched(policy.rules().iter().map(crate::Rule::filter).chain(models))?;
        let units = self.cohorts().into_iter();
        let units = units.map(|one| one.unit(float(one.objects), float(one.bytes)));
        Ok(simulate(units, self.start, policy, assumptions))
    }
}

/// Lets units live, and everything that arrives meanwhile.
pub(super) fn simulate<'a>(
    units: impl Iterator<Item = Unit<'a>>,
    start: Timestamp,
    policy: &LifecyclePolicy,
    assumptions: &Assumptions,
) -> Simulation {
    let mut world = World {
        policy,
        assumptions,
        start: day_number(start),
        timeline: Timeline::new(assumptions.days),
        changes: BTreeMap::new(),
    };
    units.for_each(|unit| world.resident(unit));
    for arrival in &assumptions.arrivals {
        (0..i64::from(assumptions.days)).for_each(|day| world.arrive(arrival, day));
    }
    let World { start, timeline, changes, .. } = world;
    let mut days = Vec::new();
    timeline.finish(assumptions.restore_tier, |usage, held| {
        let at = i64::try_from(days.len()).expect("a plan has fewer than 2^63 days");
        let day = day_start(start + at);
        let bill = usage.bill(&assumptions.prices, Month::of(day));
        let held = held.map(|(objects, bytes)| Held { objects, bytes });
        days.push(DayFigures { day, held, bill });
    });
    let changes = changes.into_iter().map(|((day, rule, action), (objects, bytes))| Change {
        day: day_start(start + day),
        rule_id: rule.into(),
        action,
        objects,
        bytes,
    });
    Simulation { days, changes: changes.collect() }
}

impl Simulation {
    /// The bill of all days.
    #[must_use]
    pub fn bill(&self) -> Bill {
        self.bill_of(|_| true)
    }

    /// The bill of each month, the first and last perhaps in part.
    #[must_use]
    pub fn bills_by_month(&self) -> Vec<(Month, Bill)> {
        let mut months: BTreeMap<Month, Bill> = BTreeMap::new();
        for day in &self.days {
            *months.entry(Month::of(day.day)).or_default() += &day.bill;
        }
        months.into_iter().collect()
    }

    /// How many objects are deleted for good, delete markers not counted.
    #[must_use]
    pub fn deleted_objects(&self) -> f64 {
        self.objects_of(Change::deletes)
    }

    /// How many objects move into a class that must be restored before it is read; one that moves
    /// from one such class into another counts twice.
    #[must_use]
    pub fn slow_objects(&self) -> f64 {
        self.objects_of(Change::makes_slow)
    }

    fn objects_of(&self, what: impl Fn(&Change) -> bool) -> f64 {
        self.changes.iter().filter(|change| what(change)).map(|change| change.objects).sum()
    }

    fn bill_of(&self, which: impl Fn(&DayFigures) -> bool) -> Bill {
        let mut bill = Bill::default();
        self.days.iter().filter(|day| which(day)).for_each(|day| bill += &day.bill);
        bill
    }

    /// A row for each day and class that holds or costs something.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "writing to a string cannot fail")]
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("date,class,objects,bytes");
        Charge::ALL.iter().for_each(|charge| csv.extend([",", charge.as_str()]));
        csv.push_str(",total\n");
        for day in &self.days {
            let date = &day.day.to_iso8601()[..10];
            for class in StorageClass::ALL {
                let (held, total) = (day.class(class), day.bill.of_class(class));
                if held.objects == 0.0 && total == Usd::default() {
                    continue;
                }
                let line = write!(csv, "{date},{class},{:.0},{:.0}", held.objects, held.bytes);
                line.expect("writing to a string cannot fail");
                let charges = Charge::ALL.map(|charge| day.bill.amount(class, charge));
                for amount in charges.into_iter().chain([total]) {
                    write!(csv, ",{:.9}", amount.0).expect("writing to a string cannot fail");
                }
                csv.push('\n');
            }
        }
        csv
    }

    /// What happens, as a row for each day, rule and action.
    #[must_use]
    pub fn changes_to_csv(&self) -> String {
        let mut csv = String::from("date,rule,action,objects,bytes\n");
        for change in &self.changes {
            let date = &change.day.to_iso8601()[..10];
            let rule = change.rule_id.replace('"', "\"\"");
            let Change { action, objects, bytes, .. } = change;
            writeln!(csv, "{date},\"{rule}\",{action},{objects:.0},{bytes:.0}")
                .expect("writing to a string cannot fail");
        }
        csv
    }

    fn write_years(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = |class| self.days.iter().any(|day| day.class(class).objects > 0.0);
        let classes: Vec<_> = StorageClass::ALL.into_iter().filter(|class| held(*class)).collect();
        write!(f, "{:<12}", "GB at end of")?;
        classes.iter().try_for_each(|class| write!(f, "{:>20}", class.as_str()))?;
        writeln!(f, "{:>20}", "cost")?;
        let year_of = |day: &DayFigures| civil(day.day).0;
        for year in self.days.chunk_by(|one, other| year_of(one) == year_of(other)) {
            let Some(last) = year.last() else { continue };
            write!(f, "{:<12}", year_of(last))?;
            for class in &classes {
                write!(f, "{:>20.3}", last.class(*class).bytes / GB)?;
            }
            writeln!(f, "{:>20}", self.bill_of(|day| year_of(day) == year_of(last)).total())?;
        }
        Ok(())
    }

    fn write_changes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sums: BTreeMap<(&str, Action), (Timestamp, Timestamp, f64, f64)> = BTreeMap::new();
        for change in &self.changes {
            let first = (change.day, change.day, 0.0, 0.0);
            let sum = sums.entry((&change.rule_id, change.action)).or_insert(first);
            sum.1 = change.day;
            sum.2 += change.objects;
            sum.3 += change.bytes;
        }
        for ((rule, action), (first, last, objects, bytes)) in sums {
            let (first, last) = (first.to_iso8601(), last.to_iso8601());
            let gb = bytes / GB;
            let days = (&first[..10], &last[..10]);
            writeln!(
                f,
                "rule `{rule}`: {action}: {objects:.0} objects, {gb:.3} GB, {} to {}",
                days.0, days.1
            )?;
        }
        Ok(())
    }
}

/// Bytes and costs by year, the bill by class and charge, and what each rule does.
impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_years(f)?;
        writeln!(f, "\n{}", self.bill())?;
        self.write_changes(f)
    }
}

/// Several simulations side by side.
#[derive(Clone, Debug)]
pub struct Comparison<'a>(Vec<(&'a str, &'a Simulation)>);

impl<'a> Comparison<'a> {
    /// Compares simulations, each with a name, with the first.
    #[must_use]
    pub fn new(all: impl IntoIterator<Item = (&'a str, &'a Simulation)>) -> Self {
        Self(all.into_iter().collect())
    }

    /// The cheapest.
    #[must_use]
    pub fn cheapest(&self) -> Option<&'a str> {
        let cost = |one: &Simulation| one.bill().total().0;
        let by_cost = |one: &&(&str, &Simulation), other: &&(&str, &Simulation)| {
            cost(one.1).total_cmp(&cost(other.1))
        };
        self.0.iter().min_by(by_cost).map(|(name, _)| *name)
    }
}

impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24}{:>16}{:>16}{:>16}{:>16}{:>18}",
            "policy", "cost", "saves", "deleted", "made slow", "GB at the end"
        )?;
        let first = self.0.first().map(|(_, one)| one.bill().total()).unwrap_or_default();
        for (name, one) in &self.0 {
            let cost = one.bill().total();
            let left = one.days.last().map_or(0.0, DayFigures::bytes) / GB;
            let (deleted, slow) = (one.deleted_objects(), one.slow_objects());
            let saves = first - cost;
            writeln!(f, "{name:<24}{cost:>16}{saves:>16}{deleted:>16.0}{slow:>16.0}{left:>18.3}")?;
        }
        Ok(())
    }
}
