//! Manifests: every crate takes its lints from the workspace.

/// A crate that would escape the house's lints.
pub(super) fn check(path: &str, text: &str) -> Option<String> {
    let manifest = match text.parse::<toml::Table>() {
        Ok(manifest) => manifest,
        Err(error) => return Some(format!("{path} is not TOML: {error}")),
    };
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    let inherits = lints.and_then(toml::Value::as_bool) == Some(true);
    (!inherits).then(|| format!("{path}: write `[lints]` with `workspace = true`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_inherits_its_lints() {
        assert_eq!(check("a/Cargo.toml", "[lints]\nworkspace = true"), None);
    }

    #[test]
    fn a_crate_with_lints_of_its_own_or_none_is_an_error() {
        for text in ["[package]\nname = \"a\"", "[lints]\nworkspace = false", "[lints"] {
            assert!(check("a/Cargo.toml", text).is_some());
        }
    }
}
