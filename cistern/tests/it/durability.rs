//! What a write asks for, and what its receipt says it got.

use cistern::{BucketOptions, Cistern, Durability, PutOptions};

const LEVELS: [Durability; 3] = [Durability::Memory, Durability::Os, Durability::Synced];

#[test]
fn every_write_names_the_durability_that_it_reached() {
    let folder = tempfile::tempdir().unwrap();
    for of_store in LEVELS {
        let path = folder.path().join(format!("{of_store:?}"));
        let cistern = Cistern::builder().disk(path).durability(of_store).build().unwrap();
        let plain = cistern.create_bucket("plain").unwrap();
        assert_eq!(plain.put("k", "x").unwrap().durability, of_store);
        for of_bucket in LEVELS {
            let name = format!("bucket-{of_bucket:?}").to_lowercase();
            let options = BucketOptions::new().durability(of_bucket);
            let bucket = cistern.create_bucket_with(name.as_str(), options).unwrap();
            assert_eq!(bucket.put("k", "x").unwrap().durability, of_bucket);
            for of_put in LEVELS {
                let options = PutOptions::new().durability(of_put);
                assert_eq!(bucket.put_with("k", "x", &options).unwrap().durability, of_put);
            }
        }
        cistern.close().unwrap();
    }
}

#[test]
fn memory_promises_no_more_than_memory() {
    let bucket = Cistern::in_memory().create_bucket("plain").unwrap();
    for asked in LEVELS {
        let options = PutOptions::new().durability(asked);
        let reached = bucket.put_with("k", "x", &options).unwrap().durability;
        assert_eq!(reached, Durability::Memory);
    }
}
