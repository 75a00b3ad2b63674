//! Upload a large object in parts, from several threads, over two sittings; then make another one of
//! it without moving its bytes. Parts may come in any order and be sent again until all is complete.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::{Bucket, Cistern, CompletedPart, CopySource, Result, UploadId};
use std::thread;

const PART_BYTES: usize = 5 << 20;
const PARTS: u32 = 4;

fn main() -> Result<()> {
    let cistern = Cistern::in_memory();
    let videos = cistern.create_bucket("videos")?;

    // First sitting: begin, and upload two parts at once. Nothing is seen of it as an object yet.
    let upload = videos.create_upload("film.mp4")?;
    println!("began upload {}", upload.id());
    thread::scope(|scope| {
        let workers: Vec<_> = [3, 1]
            .into_iter()
            .map(|number| {
                let upload = &upload;
                scope.spawn(move || upload.put_part(number, part(number)))
            })
            .collect();
        for worker in workers {
            let part = worker.join().expect("the worker does not panic")?;
            println!("uploaded part {}: etag {}", part.number, part.etag);
        }
        Ok::<_, cistern::Error>(())
    })?;
    println!("before it is complete: {}", videos.get("film.mp4").expect_err("not there yet"));

    // Second sitting: the upload's name is all that had to be remembered.
    let name = upload.id().to_string();
    finish(&videos, &UploadId::from(name.as_str()))?;

    let film = videos.head("film.mp4")?;
    let parts = film.parts_count().unwrap_or(1);
    println!("film.mp4: {} bytes in {parts} parts, etag {}", film.size(), film.etag());
    let across = PART_BYTES as u64 - 2..PART_BYTES as u64 + 2;
    println!("bytes where two parts meet: {:?}", videos.get_range("film.mp4", across)?.to_vec());

    // Twice the film, by reference: each part of the new object is the whole of the old one.
    let double = videos.create_upload("double.mp4")?;
    let source = CopySource::new(&videos, "film.mp4")?;
    let copied = [double.copy_part(1, &source)?, double.copy_part(2, &source)?];
    let receipt = double.complete(&copied.map(CompletedPart::from))?;
    println!("double.mp4: {} bytes, none of them written again", receipt.size);

    // What is not wanted any more is given up, or it would wait for ever.
    videos.create_upload("never.mp4")?.put_part(1, "a beginning")?;
    for upload in videos.list_uploads("") {
        let upload = upload?;
        println!("giving up an upload of {}", upload.key);
        videos.upload(&upload.key, &upload.id)?.abort()?;
    }
    cistern.close()
}

/// Uploads what is missing, and completes.
fn finish(videos: &Bucket, id: &UploadId) -> Result<()> {
    let upload = videos.upload("film.mp4", id)?;
    let there: Vec<u32> =
        upload.parts().map(|part| part.map(|part| part.number)).collect::<Result<_>>()?;
    println!("went on with it; parts {there:?} are there");
    for number in (1..=PARTS).filter(|number| !there.contains(number)) {
        upload.put_part(number, part(number))?;
    }
    let parts: Vec<CompletedPart> =
        upload.parts().map(|part| part.map(CompletedPart::from)).collect::<Result<_>>()?;
    upload.complete(&parts)?;
    Ok(())
}

/// Part 1 is full of ones, and so on.
fn part(number: u32) -> Vec<u8> {
    vec![number.to_le_bytes()[0]; PART_BYTES]
}
