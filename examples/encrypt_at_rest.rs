//! Encrypt a store on disk, rotate its key, and retire the old one: what a thief of the folder finds.
//! The root key is drawn for this run; yours comes from a keychain or `RootKey::from_environment`.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::{
    Cistern, Error, Result, RewrapCursor,
    crypto::{Key256, RootKey},
    port::OsEntropy,
    stream::StartAt,
};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("diary");
    let root = RootKey::new(Key256::generate(&OsEntropy));

    let cistern = Cistern::builder().disk(&path).encrypt_with(root).build()?;
    let diary = cistern.create_bucket("diary")?;
    diary.put("monday", "nobody must read this")?;
    let moods = cistern.create_stream("moods", 1)?;
    moods.start_encryption("alias/aws/kinesis")?; // a stream is sealed from here on
    moods.put("me", "cheerful")?;
    println!("monday lies under {}", cistern.keys()?.current());

    // A new key for what comes, then the old rows under it too, 1,000 at a time. No body moves.
    let old = cistern.keys()?.current();
    let new = cistern.keys()?.rotate()?;
    println!("{new} is current, {} rows were rewrapped", rewrap(&cistern)?);
    cistern.keys()?.destroy(old)?;
    println!("monday still says: {}", diary.get("monday")?.text()?);
    for record in cistern.stream("moods")?.read(StartAt::TrimHorizon)? {
        println!("and so do {} bytes of mood", record?.data.len());
    }
    cistern.close()?;
    drop((cistern, diary, moods));

    // Without the key there are names, and no bodies.
    let stolen = Cistern::open(&path)?;
    let diary = stolen.bucket("diary")?;
    println!("a thief sees `{}`", diary.head("monday")?.key());
    match diary.get("monday") {
        Err(Error::Seal(reason)) => println!("and is told: {reason}"),
        other => println!("which must not be: {other:?}"),
    }
    stolen.close()?;
    Ok(())
}

fn rewrap(cistern: &Cistern) -> Result<u64> {
    let (mut next, mut rewrapped) = (Some(RewrapCursor::start()), 0);
    while let Some(cursor) = next {
        let step = cistern.rewrap(&cursor, 1000)?;
        rewrapped += step.rewrapped;
        next = step.next;
    }
    Ok(rewrapped)
}
