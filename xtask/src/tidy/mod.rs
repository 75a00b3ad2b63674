//! `tidy`: what the compiler does not check.
//!
//! Every check is a function from what was read to findings, and one file beside this one. All
//! checks run, so that one run shows everything.

mod arrows;
mod ascii;
mod file_names;
mod leftovers;
mod length;
mod links;
mod manifests;
mod rust_version;

use crate::{Failure, Result, Tree, law::Laws, metadata, supported};
use std::collections::BTreeSet;

/// What the checks found.
#[derive(Debug, Default)]
struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Runs every check.
pub(crate) fn run(tree: &Tree) -> Result<()> {
    let mut findings = Findings::default();
    let laws = Laws::of_tree(tree)?;
    check_crates(tree, &mut findings)?;
    check_files(tree, &mut findings)?;
    findings.errors.extend(laws.tests_without_law());
    findings.errors.extend(supported::finding(tree)?);

    findings.warnings.iter().for_each(|warning| println!("warning: {warning}"));
    findings.errors.iter().for_each(|error| println!("error: {error}"));
    println!("{}", laws.summary());
    match findings.errors.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("tidy found {count} errors"))),
    }
}

fn check_crates(tree: &Tree, findings: &mut Findings) -> Result<()> {
    let packages = metadata::packages(tree)?;
    let allowed = arrows::Allowed::parse(&tree.read("xtask/arrows.toml")?)?;
    findings.errors.extend(arrows::check(&allowed, &packages));
    findings.errors.extend(rust_version::check(&tree.read("README.md")?, &packages));
    for package in &packages {
        let path = format!("{}/Cargo.toml", package.folder);
        findings.errors.extend(manifests::check(&path, &tree.read(&path)?));
    }
    Ok(())
}

fn check_files(tree: &Tree, findings: &mut Findings) -> Result<()> {
    let files = tree.files()?;
    findings.errors.extend(ascii::stale_exceptions(&files));
    let mut tests = BTreeSet::new();
    for path in &files {
        let is_rust = path.ends_with(".rs");
        let is_markdown = path.ends_with(".md");
        if !is_rust && !is_markdown && !path.ends_with(".toml") {
            continue;
        }
        let text = tree.read(path)?;
        findings.errors.extend(ascii::check(path, &text));
        if is_rust {
            findings.errors.extend(file_names::check(path));
            findings.errors.extend(leftovers::check(path, &text));
            tests.extend(supported::tests_of(&text));
            length::check(path, &text, findings);
        }
        if is_markdown {
            findings.errors.extend(links::check(path, &text, |target| tree.has(target)));
        }
    }
    findings.errors.extend(supported::unproved(&tests));
    Ok(())
}
