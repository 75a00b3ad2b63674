//! The oldest Rust that builds us: the README says what the manifests say.

use crate::metadata::Package;

/// A README that promises another version than the crates need.
pub(super) fn check(readme: &str, packages: &[Package]) -> Vec<String> {
    let mut errors = Vec::new();
    for Package { folder, rust_version, .. } in packages {
        let Some(version) = rust_version else {
            errors.push(format!("{folder}/Cargo.toml: write `rust-version.workspace = true`"));
            continue;
        };
        let promise = format!("Rust {} or later", without_patch(version));
        if !readme.contains(&promise) {
            errors.push(format!("README.md: say \"{promise}\", as the manifests do"));
        }
    }
    // The manifests usually agree: then one line says it all.
    errors.dedup();
    errors
}

/// A patch number of 0 says nothing.
fn without_patch(version: &str) -> &str {
    version.strip_suffix(".0").filter(|rest| rest.contains('.')).unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_version(rust_version: Option<&str>, expected: &[&str]) {
        let package = Package {
            name: "cistern-disk".into(),
            folder: "disk".into(),
            rust_version: rust_version.map(str::to_owned),
            uses: vec![],
            benches: vec![],
            has_features: false,
        };
        assert_eq!(check("It takes Rust 1.89 or later.", &[package]), expected);
    }

    #[test]
    fn the_readme_promises_what_the_manifest_needs() {
        check_version(Some("1.89"), &[]);
        check_version(Some("1.89.0"), &[]);
        check_version(
            Some("1.90"),
            &["README.md: say \"Rust 1.90 or later\", as the manifests do"],
        );
    }

    #[test]
    fn a_crate_says_which_rust_it_needs() {
        check_version(None, &["disk/Cargo.toml: write `rust-version.workspace = true`"]);
    }
}
