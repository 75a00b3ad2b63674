//! Arrows between our crates: only those of `xtask/arrows.toml`.

use crate::{Failure, Result, metadata::Package};
use std::collections::BTreeMap;

/// Allows an arrow to any crate.
const ANY: &str = "*";

/// The table, by folder.
#[derive(Debug)]
pub(super) struct Allowed(BTreeMap<String, Arrows>);

#[derive(Debug)]
struct Arrows {
    any_use: Vec<String>,
    dev_use: Vec<String>,
}

impl Allowed {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = text
            .parse()
            .map_err(|error| Failure::new(format!("xtask/arrows.toml is not TOML: {error}")))?;
        table.into_iter().map(parse_arrows).collect::<Result<_>>().map(Self)
    }
}

fn parse_arrows((folder, value): (String, toml::Value)) -> Result<(String, Arrows)> {
    let list = |key: &str| -> Result<Vec<String>> {
        let items = value.get(key).and_then(toml::Value::as_array);
        items
            .and_then(|items| items.iter().map(|one| one.as_str().map(str::to_owned)).collect())
            .ok_or_else(|| {
                Failure::new(format!("xtask/arrows.toml: [{folder}] has no list of names `{key}`"))
            })
    };
    let arrows = Arrows { any_use: list("use")?, dev_use: list("dev")? };
    Ok((folder, arrows))
}

/// Compares what is with what may be.
pub(super) fn check(allowed: &Allowed, packages: &[Package]) -> Vec<String> {
    let mut errors = Vec::new();
    for package in packages {
        let folder = &package.folder;
        let Some(arrows) = allowed.0.get(folder) else {
            errors.push(format!("xtask/arrows.toml says nothing of the crate {folder}"));
            continue;
        };
        for one in &package.uses {
            let is_allowed = |list: &[String]| list.iter().any(|to| to == ANY || *to == one.folder);
            let allowed = is_allowed(&arrows.any_use) || one.is_dev && is_allowed(&arrows.dev_use);
            if !allowed {
                let kind = if one.is_dev { "dev " } else { "" };
                errors.push(format!("{folder}/Cargo.toml: no {kind}arrow to {}", one.folder));
            }
        }
    }
    for folder in allowed.0.keys() {
        if !packages.iter().any(|package| package.folder == *folder) {
            errors.push(format!("xtask/arrows.toml: there is no crate {folder}"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Use;

    const TABLE: &str = r#"
        [core]
        use = []
        dev = []
        [disk]
        use = ["core"]
        dev = ["suite"]
        [benches]
        use = ["*"]
        dev = []
    "#;

    fn package(folder: &str, uses: &[(&str, bool)]) -> Package {
        let uses = uses.iter().map(|&(to, is_dev)| Use { folder: to.into(), is_dev }).collect();
        Package {
            name: folder.into(),
            folder: folder.into(),
            rust_version: None,
            uses,
            benches: vec![],
            has_features: false,
        }
    }

    #[track_caller]
    fn check_disk(uses: &[(&str, bool)], expected: &[&str]) {
        let allowed = Allowed::parse(TABLE).unwrap();
        let packages = [
            package("core", &[]),
            package("disk", uses),
            package("benches", &[("disk", false), ("core", true)]),
        ];
        assert_eq!(check(&allowed, &packages), expected);
    }

    #[test]
    fn an_arrow_of_the_table_is_allowed_in_code_and_in_tests() {
        check_disk(&[("core", false), ("core", true)], &[]);
    }

    #[test]
    fn a_dev_arrow_holds_for_tests_alone() {
        check_disk(&[("suite", true)], &[]);
        check_disk(&[("suite", false)], &["disk/Cargo.toml: no arrow to suite"]);
    }

    #[test]
    fn an_arrow_outside_the_table_is_an_error() {
        check_disk(&[("benches", true)], &["disk/Cargo.toml: no dev arrow to benches"]);
    }

    #[test]
    fn the_table_and_the_workspace_name_the_same_crates() {
        let allowed = Allowed::parse(TABLE).unwrap();
        let packages = [package("core", &[]), package("disk", &[]), package("stream", &[])];
        assert_eq!(
            check(&allowed, &packages),
            [
                "xtask/arrows.toml says nothing of the crate stream",
                "xtask/arrows.toml: there is no crate benches",
            ]
        );
    }

    #[test]
    fn a_crate_without_both_lists_is_refused() {
        assert!(Allowed::parse("[core]\nuse = []").is_err());
        assert!(Allowed::parse("[core]\nuse = [1]\ndev = []").is_err());
        assert!(Allowed::parse("[core").is_err());
    }
}
