//! Names of files: what a device accepts, told apart into folder and file.

use std::io;

/// Splits `name` into its folder (`""` for the store's own) and the file in it.
///
/// # Errors
/// `InvalidInput` when no store would make such a name.
pub(crate) fn split(name: &str) -> io::Result<(&str, &str)> {
    let (folder, file) = name.split_once('/').unwrap_or(("", name));
    if (name.contains('/') && !is_part(folder)) || !is_part(file) {
        return Err(invalid(format!("`{name}` is not a name of a file in a store")));
    }
    Ok((folder, file))
}

/// Checks a folder's name; `""` is the store's own.
///
/// # Errors
/// `InvalidInput` when no store would make such a name.
pub(crate) fn check_folder(folder: &str) -> io::Result<()> {
    if folder.is_empty() || is_part(folder) {
        return Ok(());
    }
    Err(invalid(format!("`{folder}` is not a name of a folder in a store")))
}

/// Splits both names of a renaming, which stays in its folder: two folders cannot be synced as one,
/// so that a crash could leave the file under both names, or under none.
///
/// # Errors
/// `InvalidInput` when a name is none or the folders differ.
pub(crate) fn split_pair<'a>(
    from: &'a str,
    to: &'a str,
) -> io::Result<(&'a str, &'a str, &'a str)> {
    let ((source, old), (target, new)) = (split(from)?, split(to)?);
    if source != target {
        return Err(invalid(format!("cannot rename `{from}` to `{to}` in another folder")));
    }
    Ok((source, old, new))
}

/// True when `part` can be a folder or a file: `a-z 0-9 . -`, not hidden, so never `..` either.
pub(crate) fn is_part(part: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    !part.is_empty() && !part.starts_with('.') && part.bytes().all(allowed)
}

fn invalid(detail: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_or_a_folder_and_a_file() {
        assert_eq!(split("cistern").unwrap(), ("", "cistern"));
        assert_eq!(split("log/00ff.seg").unwrap(), ("log", "00ff.seg"));
    }

    #[test]
    fn a_name_cannot_leave_the_store() {
        for name in ["", "/", "/a", "a/", "../a", "a/..", "a/b/c", ".a", "A", "a b", "a\0", "a\\b"]
        {
            assert_eq!(split(name).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name:?}");
        }
    }

    #[test]
    fn a_renaming_stays_in_its_folder() {
        assert_eq!(split_pair("log/a", "log/b").unwrap(), ("log", "a", "b"));
        assert!(split_pair("log/a", "blobs/a").is_err());
    }
}
