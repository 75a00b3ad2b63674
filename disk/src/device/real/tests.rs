use super::*;
use tempfile::TempDir;

fn device() -> (TempDir, RealDevice) {
    let folder = tempfile::tempdir().unwrap();
    let device = RealDevice::new(folder.path().join("a/store"));
    (folder, device)
}

fn names(device: &RealDevice, folder: &str) -> Vec<String> {
    device.list(folder).unwrap().into_iter().map(|entry| entry.name).collect()
}

#[test]
fn a_new_file_makes_its_folders_and_is_read_back() {
    let (_folder, device) = device();
    let file = device.open("log/1.seg", OpenMode::CreateNew).unwrap();
    file.write_at(b"rain", 4).unwrap();
    file.sync().unwrap();
    device.sync_folder("log").unwrap();
    let mut bytes = [1; 8];
    device.open("log/1.seg", OpenMode::Read).unwrap().read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"\0\0\0\0rain");
    assert_eq!(device.list("log").unwrap(), [FileEntry { name: "1.seg".into(), len: 8 }]);
}

#[test]
fn reading_past_the_end_is_an_unexpected_end() {
    let (_folder, device) = device();
    let file = device.open("a", OpenMode::CreateNew).unwrap();
    file.set_len(3).unwrap();
    assert_eq!(file.len().unwrap(), 3);
    let error = file.read_at(&mut [0; 2], 2).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn opening_says_what_is_there_and_what_is_not() {
    let (_folder, device) = device();
    let kind = |mode| device.open("a", mode).unwrap_err().kind();
    assert_eq!(kind(OpenMode::Read), io::ErrorKind::NotFound);
    assert_eq!(kind(OpenMode::Write), io::ErrorKind::NotFound);
    device.open("a", OpenMode::CreateNew).unwrap();
    assert_eq!(kind(OpenMode::CreateNew), io::ErrorKind::AlreadyExists);
    assert!(device.open("a", OpenMode::Read).unwrap().write_at(b"x", 0).is_err());
    device.open("a", OpenMode::Write).unwrap().write_at(b"x", 0).unwrap();
}

#[test]
fn a_folder_that_does_not_exist_is_empty() {
    let (_folder, device) = device();
    assert!(names(&device, "").is_empty());
    assert!(names(&device, "log").is_empty());
    device.sync_folder("log").unwrap();
}

#[test]
fn only_files_of_a_store_are_listed() {
    let (_folder, device) = device();
    device.open("b", OpenMode::CreateNew).unwrap();
    device.open("a", OpenMode::CreateNew).unwrap();
    device.open("log/x", OpenMode::CreateNew).unwrap();
    let mut options = OpenOptions::new();
    open(options.write(true).create_new(true), &device.root.join(".DS_Store")).unwrap();
    let _lock = device.lock("").unwrap();
    assert_eq!(names(&device, ""), ["a", "b"]);
}

#[test]
fn a_removed_file_is_read_by_those_who_have_it_open() {
    let (_folder, device) = device();
    let file = device.open("a", OpenMode::CreateNew).unwrap();
    file.write_at(b"x", 0).unwrap();
    device.remove("a").unwrap();
    assert!(names(&device, "").is_empty());
    let mut byte = [0];
    file.read_at(&mut byte, 0).unwrap();
    assert_eq!(&byte, b"x");
}

#[test]
fn a_renaming_replaces_what_was_there() {
    let (_folder, device) = device();
    device.open("log/a", OpenMode::CreateNew).unwrap().write_at(b"a", 0).unwrap();
    device.open("log/b", OpenMode::CreateNew).unwrap();
    device.rename("log/a", "log/b").unwrap();
    assert_eq!(device.list("log").unwrap(), [FileEntry { name: "b".into(), len: 1 }]);
    assert_eq!(device.rename("log/b", "b").unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn a_second_opener_is_told_who_has_the_store() {
    let (_folder, device) = device();
    let lock = device.lock("the first test").unwrap();
    let Err(LockError::Held { owner }) = RealDevice::new(&device.root).lock("another") else {
        panic!("it was not refused");
    };
    assert!(owner.starts_with("the first test in process "), "{owner}");
    assert!(owner.contains(&std::process::id().to_string()), "{owner}");
    drop(lock);
    device.lock("another").unwrap();
}

#[test]
fn a_very_long_owner_is_cut() {
    let (_folder, device) = device();
    let _lock = device.lock(&"x".repeat(5000)).unwrap();
    let Err(LockError::Held { owner }) = device.lock("") else { panic!("it was not refused") };
    assert_eq!(owner, "x".repeat(OWNER_BYTES_MAX - 1));
}
