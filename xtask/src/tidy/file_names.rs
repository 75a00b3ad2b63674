//! File names: `a-z`, `0-9` and `_`.

/// A source whose name is something else.
pub(super) fn check(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let is_plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_';
    (stem.is_empty() || !stem.chars().all(is_plain))
        .then(|| format!("{path}: a file's name is of a-z, 0-9 and _"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_small_letters_digits_and_underscores_is_plain() {
        assert_eq!(check("disk/src/blob_file2.rs"), None);
    }

    #[test]
    fn any_other_name_is_an_error() {
        for path in ["disk/src/blob-file.rs", "disk/src/BlobFile.rs", "disk/src/.rs"] {
            assert_eq!(check(path), Some(format!("{path}: a file's name is of a-z, 0-9 and _")));
        }
    }
}
