//! Links between documents lead somewhere.

/// Local links whose target is not there, as `is_there` says of a path from the root.
pub(super) fn check(path: &str, text: &str, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let mut errors = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        for target in targets(text).filter(|target| is_local(target)) {
            let file = target.split('#').next().unwrap_or(target);
            if !file.is_empty() && !resolve(path, file).is_some_and(|file| is_there(&file)) {
                errors.push(format!("{path}:{line}: the link to {target} leads nowhere"));
            }
        }
    }
    errors
}

/// What stands in `](..)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

fn is_local(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:")
}

/// `target`, seen from the folder of `path`, as a path from the root; `None` outside of it.
fn resolve(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_links(text: &str, expected: &[&str]) {
        let is_there = |target: &str| ["README.md", "docs/ci.md"].contains(&target);
        assert_eq!(check("docs/faults.md", text, is_there), expected);
    }

    #[test]
    fn a_link_is_seen_from_the_folder_of_its_document() {
        check_links("[a](ci.md) and [b](../README.md#use) and [c](#here)", &[]);
    }

    #[test]
    fn a_link_to_nothing_and_one_out_of_the_tree_are_told() {
        check_links("\n[a](README.md)", &["docs/faults.md:2: the link to README.md leads nowhere"]);
        check_links("[a](../../b.md)", &["docs/faults.md:1: the link to ../../b.md leads nowhere"]);
    }

    #[test]
    fn a_link_to_the_world_is_not_followed() {
        check_links("[a](https://example.org/x) [b](mailto:a@example.org)", &[]);
    }
}
