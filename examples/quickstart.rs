//! Put, get, list and delete objects: the first ten minutes with a cistern.
//! Everything lives in memory here; `Cistern::open("./data")?` would keep it on disk.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::{
    Cistern, Error, GetOptions, ListEntry, ListOptions, Metadata, PutOptions, Result, Tags,
};

fn main() -> Result<()> {
    let cistern = Cistern::in_memory();
    let photos = cistern.create_bucket("photos")?;

    // A body is whatever holds bytes: text, vectors, open files, any reader.
    let receipt = photos.put("cats/tom.txt", "a fine cat")?;
    println!("put cats/tom.txt: {} bytes, etag {}", receipt.size, receipt.etag);

    // What more there is to say goes into options.
    let options = PutOptions::new()
        .metadata(Metadata::new().with_content_type("image/jpeg")?.with_user("camera", "X100")?)
        .tags(Tags::new().with("animal", "dog")?);
    photos.put_with("dogs/rex.jpg", vec![0xff; 70_000], &options)?;
    photos.put("readme.txt", "Pets only, please.")?;

    // Reading: all of it, some of it, or only what is known of it.
    println!("get cats/tom.txt: {}", photos.get("cats/tom.txt")?.text()?);
    println!("bytes 2 to 5 of it: {:?}", photos.get_range("cats/tom.txt", 2..6)?);
    let rex = photos.head("dogs/rex.jpg")?;
    println!(
        "head dogs/rex.jpg: {} bytes of {}, taken with {}, CRC64NVME {}",
        rex.size(),
        rex.metadata().content_type(),
        rex.metadata().user("camera").unwrap_or("an unknown camera"),
        rex.checksum(),
    );

    // A list is an iterator that reads its pages as it goes. With a delimiter it has folders.
    println!("the whole bucket:");
    for object in photos.list("") {
        let object = object?;
        println!("  {:12} {:>6} bytes", object.key(), object.size());
    }
    println!("its first level:");
    for entry in photos.list_entries(ListOptions::new().delimiter("/")) {
        match entry? {
            ListEntry::CommonPrefix(folder) => println!("  {folder}"),
            ListEntry::Object(object) => println!("  {}", object.key()),
        }
    }

    // Two writers, one winner: each says which state he has seen.
    let seen = photos.head("cats/tom.txt")?.etag();
    photos.put_with("cats/tom.txt", "a finer cat", &PutOptions::new().if_match(seen))?;
    let late = photos.put_with("cats/tom.txt", "a grey cat", &PutOptions::new().if_match(seen));
    println!("the late writer is told: {}", late.expect_err("the etag has changed"));

    // Errors are made for deciding.
    photos.delete("cats/tom.txt")?;
    match photos.get_with("cats/tom.txt", &GetOptions::new()) {
        Err(Error::NoSuchKey { key, .. }) => println!("{key} is gone"),
        other => println!("unexpected: {other:?}"),
    }
    let left = photos.stats()?.total();
    println!("left: {} objects of {} bytes", left.objects, left.object_bytes);
    cistern.close()
}
