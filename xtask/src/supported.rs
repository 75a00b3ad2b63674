//! The README's table of what is supported, generated from the table in the facade's code.

use crate::{Failure, Result, Tree};
use std::{collections::BTreeSet, fmt::Write as _};

// The data alone and not the crate: the gate must build even when the facade does not.
#[path = "../../cistern/src/supported.rs"]
#[allow(unreachable_pub, reason = "the facade's own file, public there")]
mod table;

/// Area, name, status, and the tests that prove it.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const README: &str = "README.md";
const BEGIN: &str = "<!-- supported: begin; written by `cargo xtask supported` -->";
const END: &str = "<!-- supported: end -->";

/// What a status may begin with.
const STATUSES: [&str; 4] = ["yes", "partly", "not yet", "no"];

/// Writes the table into the README.
pub(crate) fn write(tree: &Tree) -> Result<()> {
    let readme = tree.read(README)?;
    let current = with_table(&readme, table::SUPPORTED)?;
    if current == readme {
        println!("{README} is current");
        return Ok(());
    }
    tree.write(README, &current)?;
    println!("{README} is written");
    Ok(())
}

/// What is wrong with the README's table, if anything is.
pub(crate) fn finding(tree: &Tree) -> Result<Option<String>> {
    let readme = tree.read(README)?;
    Ok(match with_table(&readme, table::SUPPORTED) {
        Ok(current) if current == readme => None,
        Ok(_) => Some(format!("{README}: the table is stale; run `cargo xtask supported`")),
        Err(failure) => Some(failure.to_string()),
    })
}

/// What the table claims and no test proves.
pub(crate) fn unproved(tests: &BTreeSet<String>) -> Vec<String> {
    unproved_rows(table::SUPPORTED, tests)
}

fn unproved_rows(rows: &[Row], tests: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for &(area, name, status, proofs) in rows {
        let claims = status.starts_with("yes") || status.starts_with("partly");
        if claims && proofs.is_empty() {
            findings.push(format!("supported: \"{area}: {name}\" names no test"));
        }
        for proof in proofs.iter().filter(|proof| !tests.contains(**proof)) {
            findings.push(format!("supported: \"{area}: {name}\": there is no test `{proof}`"));
        }
    }
    findings
}

/// The names of the test functions in a file.
pub(crate) fn tests_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let name = line.trim_start().strip_prefix("fn ")?;
        Some(name.split_once('(')?.0.to_owned())
    })
}

/// The README with the table between its marks.
fn with_table(readme: &str, rows: &[Row]) -> Result<String> {
    let unmarked = || Failure::new(format!("{README}: the lines `{BEGIN}` and `{END}` are gone"));
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(unmarked)?;
    let (_, after) = rest.split_once(END).ok_or_else(unmarked)?;
    Ok(format!("{before}{BEGIN}\n\n{}\n{END}{after}", markdown(rows)?))
}

/// An area is named once, on its first row.
fn markdown(rows: &[Row]) -> Result<String> {
    let mut text = String::from("| area | what | supported |\n|---|---|---|\n");
    let mut last_area = "";
    for &(area, name, status, _) in rows {
        if !STATUSES.iter().any(|known| status.starts_with(known)) {
            return Err(Failure::new(format!(
                "the status of \"{area}: {name}\" is \"{status}\"; it must begin with one of {STATUSES:?}"
            )));
        }
        let heading = if area == last_area { "" } else { area };
        writeln!(text, "| {heading} | {name} | {status} |").expect("a string takes any text");
        last_area = area;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[Row] = &[
        ("Objects", "put", "yes", &["what_is_put_is_got"]),
        ("Objects", "append", "not yet", &[]),
        ("Lists", "pages", "yes", &[]),
    ];

    #[test]
    fn a_claim_needs_a_test_that_exists() {
        let tests: BTreeSet<_> = tests_of("    fn what_is_put_is_got() {\n").collect();
        assert_eq!(unproved_rows(ROWS, &tests).len(), 1, "the pages are not proved");
        assert_eq!(
            unproved_rows(ROWS, &BTreeSet::new()).len(),
            2,
            "nor is the put without its test"
        );
    }

    #[test]
    fn the_table_replaces_what_stood_between_the_marks_and_nothing_else() {
        let readme = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let table = "| area | what | supported |\n|---|---|---|\n\
            | Objects | put | yes |\n|  | append | not yet |\n| Lists | pages | yes |\n";

        let current = with_table(&readme, ROWS).unwrap();

        assert_eq!(current, format!("before\n{BEGIN}\n\n{table}\n{END}\nafter\n"));
        assert_eq!(with_table(&current, ROWS).unwrap(), current);
    }

    #[test]
    fn a_readme_without_marks_is_refused() {
        assert!(with_table("before\nafter\n", ROWS).is_err());
        assert!(with_table(&format!("before\n{BEGIN}\n"), ROWS).is_err());
    }

    #[test]
    fn a_status_outside_the_four_is_refused() {
        assert!(markdown(&[("Objects", "put", "soon", &[])]).is_err());
    }
}
