//! What `cargo metadata` says about the crates of the workspace.

use crate::{
    Failure, Result, Tree,
    ci::{cargo, output},
};
use serde_json::Value;
use std::path::Path;

/// One crate of ours.
#[derive(Debug)]
pub(crate) struct Package {
    /// The package's name.
    pub(crate) name: String,
    /// Its folder, from the root.
    pub(crate) folder: String,
    /// The oldest Rust that builds it.
    pub(crate) rust_version: Option<String>,
    /// What it uses of ours.
    pub(crate) uses: Vec<Use>,
    pub(crate) benches: Vec<String>,
    pub(crate) has_features: bool,
}

/// One arrow to another crate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// The other crate's folder, from the root; an absolute path when it lies outside.
    pub(crate) folder: String,
    /// True when only tests use it.
    pub(crate) is_dev: bool,
}

/// Asks cargo for the members of the workspace.
pub(crate) fn packages(tree: &Tree) -> Result<Vec<Package>> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(tree.root());
    let metadata = serde_json::from_str(&output(&mut command)?)
        .map_err(|error| Failure::new(format!("cargo metadata is not JSON: {error}")))?;
    parse(&metadata, tree.root())
}

fn parse(metadata: &Value, root: &Path) -> Result<Vec<Package>> {
    items(metadata, "packages").map(|package| parse_package(package, root)).collect()
}

fn parse_package(package: &Value, root: &Path) -> Result<Package> {
    let manifest = Path::new(text(package, "manifest_path")?);
    let folder = manifest.parent().expect("a manifest lies in a folder");
    Ok(Package {
        name: text(package, "name")?.to_owned(),
        folder: from_root(folder, root),
        rust_version: package["rust_version"].as_str().map(str::to_owned),
        uses: items(package, "dependencies").filter_map(|one| parse_use(one, root)).collect(),
        benches: targets(package, "bench")?,
        has_features: package["features"].as_object().is_some_and(|features| !features.is_empty()),
    })
}

/// A dependency without a path is somebody else's.
fn parse_use(dependency: &Value, root: &Path) -> Option<Use> {
    let path = dependency["path"].as_str()?;
    Some(Use {
        folder: from_root(Path::new(path), root),
        is_dev: dependency["kind"].as_str() == Some("dev"),
    })
}

fn targets(package: &Value, kind: &str) -> Result<Vec<String>> {
    items(package, "targets")
        .filter(|target| items(target, "kind").any(|one| one == kind))
        .map(|target| text(target, "name").map(str::to_owned))
        .collect()
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key]
        .as_str()
        .ok_or_else(|| Failure::new(format!("cargo metadata names no {key} for a package")))
}

fn from_root(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arrows_targets_and_features_are_read_and_foreign_crates_are_not_arrows() {
        let metadata = json!({ "packages": [{
            "name": "cistern-disk",
            "manifest_path": "/house/disk/Cargo.toml",
            "rust_version": "1.88",
            "features": { "wide": [] },
            "dependencies": [
                { "name": "bytes", "kind": null },
                { "name": "cistern-storage-core", "kind": null, "path": "/house/storage-core" },
                { "name": "cistern-conformance", "kind": "dev", "path": "/house/conformance" },
                { "name": "cistern-sim", "kind": "build", "path": "/house/sim" },
            ],
            "targets": [
                { "name": "cistern_disk", "kind": ["lib"] },
                { "name": "salvage", "kind": ["example"] },
                { "name": "append", "kind": ["bench"] },
            ],
        }]});

        let packages = parse(&metadata, Path::new("/house")).unwrap();
        let [disk] = packages.as_slice() else { panic!("one package") };

        assert_eq!((disk.name.as_str(), disk.folder.as_str()), ("cistern-disk", "disk"));
        assert_eq!(disk.rust_version.as_deref(), Some("1.88"));
        assert_eq!(
            disk.uses,
            [
                Use { folder: "storage-core".into(), is_dev: false },
                Use { folder: "conformance".into(), is_dev: true },
                Use { folder: "sim".into(), is_dev: false },
            ]
        );
        assert_eq!(disk.benches, ["append"]);
        assert!(disk.has_features);
    }

    #[test]
    fn a_package_without_a_name_is_refused() {
        let metadata = json!({ "packages": [{ "manifest_path": "/house/disk/Cargo.toml" }] });
        assert!(parse(&metadata, Path::new("/house")).is_err());
    }
}
