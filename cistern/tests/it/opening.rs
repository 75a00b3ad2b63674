//! A store on disk, from the facade alone: opened, read beside its writer, verified, repaired.

use cistern::{Cistern, Error, ScrubCursor, repair, verify};

#[test]
fn a_cistern_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let cistern = Cistern::open(folder.path()).unwrap();
    cistern.create_bucket("cats").unwrap().put("tom", "meow").unwrap();
    let second = Cistern::open(folder.path()).unwrap_err();
    assert!(second.to_string().contains("open the store"), "{second}");
    cistern.close().unwrap();

    let cistern = Cistern::open(folder.path()).unwrap();
    assert_eq!(cistern.bucket("cats").unwrap().get("tom").unwrap().text().unwrap(), "meow");
}

#[test]
fn a_reader_reads_beside_the_writer_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Cistern::open(folder.path()).unwrap();
    writer.create_bucket("cats").unwrap().put("tom", "meow").unwrap();
    let reader = Cistern::builder().disk_read_only(folder.path()).build().unwrap();
    let cats = reader.bucket("cats").unwrap();
    assert_eq!(cats.get("tom").unwrap().text().unwrap(), "meow");
    assert!(matches!(cats.put("tim", "purr"), Err(Error::Backend { .. })));
    assert!(matches!(reader.create_bucket("dogs"), Err(Error::Backend { .. })));
    writer.bucket("cats").unwrap().put("tim", "purr").unwrap();
    assert!(cats.head("tim").is_err(), "a reader sees what was there when it opened");
}

#[test]
fn a_whole_store_verifies_and_is_the_same_after_a_repair() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let cistern = Cistern::open(&old).unwrap();
    let cats = cistern.create_bucket("cats").unwrap();
    for number in 0..20 {
        cats.put(format!("{number}"), vec![number; 5000]).unwrap();
    }
    cistern.close().unwrap();
    assert_eq!(verify(&old).unwrap(), []);

    let repaired = repair(&old, &new).unwrap();

    assert!(repaired.lost.is_empty() && repaired.remains.is_empty(), "{repaired:?}");
    let cats = Cistern::open(&new).unwrap().bucket("cats").unwrap();
    for number in 0..20 {
        assert_eq!(cats.get(format!("{number}")).unwrap().bytes().unwrap(), vec![number; 5000]);
    }
}

#[test]
fn a_cistern_on_disk_is_scrubbed_and_one_that_is_not_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let cistern = Cistern::open(folder.path()).unwrap();
    let cats = cistern.create_bucket("cats").unwrap();
    let (mut cursor, mut bytes) = (Some(ScrubCursor::start()), 0);
    for number in 0..40 {
        cats.put(format!("{number}"), vec![number; 5000]).unwrap();
    }
    while let Some(from) = cursor {
        let step = cistern.scrub(from.to_string().parse().unwrap(), 10_000).unwrap();
        assert_eq!(step.findings, vec![]);
        cats.put("tom", vec![1; 5000]).unwrap();
        (cursor, bytes) = (step.next, bytes + step.bytes_read);
    }
    assert!(bytes > 200_000, "only {bytes} bytes were read");

    let memory = Cistern::in_memory();
    let refused = memory.scrub(ScrubCursor::start(), 1);
    assert!(matches!(refused, Err(Error::NotImplemented { .. })), "{refused:?}");
    let reader = Cistern::builder().disk_read_only(folder.path()).build().unwrap();
    assert!(matches!(reader.scrub(ScrubCursor::start(), 1), Err(Error::Backend { .. })));
    cistern.close().unwrap();
    assert!(matches!(cistern.scrub(ScrubCursor::start(), 1), Err(Error::Closed)));
}

#[cfg(not(feature = "encryption"))]
#[test]
fn a_build_that_cannot_encrypt_refuses_an_encrypted_store() {
    use cistern::port::{Backend as _, Batch};
    let backend = std::sync::Arc::new(cistern::MemoryBackend::new());
    let mut batch = Batch::new(cistern::Durability::Memory);
    batch.put(vec![0x40].into(), bytes::Bytes::from(vec![1; 17]));
    backend.commit(batch).unwrap().wait().unwrap();
    let refused = Cistern::builder().backend(backend).build().unwrap_err();
    assert!(matches!(refused, Error::NotImplemented { .. }), "{refused:?}");
}
