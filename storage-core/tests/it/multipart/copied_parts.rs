//! Parts that are copied, and what seals them.

use super::*;

// Law-test: S3, UploadPartCopy.
#[test]
fn a_copied_part_shares_its_bytes() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let body: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    bucket.put("large", body.clone()).unwrap();
    bucket.put("small", "0123456789").unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let before = live_bytes(&store);
    let whole = upload.copy_part(1, &source(&bucket, "large")).unwrap();
    assert_eq!((whole.size, whole.etag), (400_000, bucket.head("large").unwrap().etag()));
    let range = CopyPartOptions::new().range(100_001..=300_000);
    let part = upload.copy_part_with(2, &source(&bucket, "large"), &range).unwrap();
    assert_eq!(part.etag, ETag::of_bytes(&body[100_001..=300_000]));
    assert_eq!(
        part.checksum,
        Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, &body[100_001..=300_000])
    );
    // Again, over itself: it has one owner more and one less.
    upload.copy_part_with(2, &source(&bucket, "large"), &range).unwrap();
    assert_eq!(live_bytes(&store), before);
    let small = upload
        .copy_part_with(3, &source(&bucket, "small"), &CopyPartOptions::new().range(2..4))
        .unwrap();
    assert_eq!(small.etag, ETag::of_bytes(b"23"));
    bucket.delete("large").unwrap();
    bucket.delete("small").unwrap();
    upload.complete(&list(&[whole, part, small])).unwrap();
    let mut expected = body.clone();
    expected.extend_from_slice(&body[100_001..=300_000]);
    expected.extend_from_slice(b"23");
    let object = bucket.get("k").unwrap();
    assert_eq!(object.bytes().unwrap(), expected);
    assert_eq!(object.crc64(), cistern_storage_core::checksum::crc64_nvme(&expected));

    // A part of a multipart object, across its parts.
    let upload = bucket.create_upload("again").unwrap();
    let range = CopyPartOptions::new().range(399_990..600_001);
    let part = upload.copy_part_with(1, &source(&bucket, "k"), &range).unwrap();
    upload.complete(&list(&[part])).unwrap();
    bucket.delete("k").unwrap();
    let copied = bucket.get("again").unwrap().bytes().unwrap();
    assert_eq!(copied, expected[399_990..600_001]);
    bucket.delete("again").unwrap();
    assert_eq!(live_bytes(&store), 0);
}

// Law-test: S3, UploadPartCopy range.
// Law-test: S3, CopyObject: source versions, conditional copies, size.
#[test]
fn the_source_of_a_copied_part_is_checked() {
    let store = store();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let sources = store.create_bucket_with("sources", options).unwrap();
    let bucket = store.create_bucket("test").unwrap();
    let old = sources.put("s", "0123456789").unwrap();
    let etag = sources.put("s", "abcdefghij").unwrap().etag;
    let marker = {
        sources.put("gone", "x").unwrap();
        sources.delete("gone").unwrap().version.unwrap()
    };
    let upload = bucket.create_upload("k").unwrap();
    let copy = |source: CopySource| upload.copy_part(1, &source);
    let s = || source(&sources, "s");
    let gone = source(&sources, "gone");
    check_fails(copy(source(&sources, "absent")), "NoSuchKey");
    check_fails(copy(gone.clone()), "NoSuchKey");
    check_fails(copy(gone.version(marker)), "InvalidRequest");
    check_fails(copy(s().version(marker)), "NoSuchVersion");
    let plain = CopyPartOptions::new;
    for (options, code) in [
        (plain().range(0..11), "InvalidArgument"),
        (plain().range(10..11), "InvalidRequest"),
        (plain().range(5..), "InvalidArgument"),
    ] {
        check_fails(upload.copy_part_with(1, &s(), &options), code);
    }
    for failing in [
        ReadConditions::new().if_match(old.etag),
        ReadConditions::new().if_none_match(etag),
        ReadConditions::new().if_modified_since(store.clock().now()),
    ] {
        check_fails(copy(s().conditions(failing)), "PreconditionFailed");
    }
    check_fails(upload.copy_part(0, &s()), "InvalidArgument");
    let source = s().version(old.version.unwrap());
    let source = source.conditions(ReadConditions::new().if_match(old.etag));
    let part = upload.copy_part_with(1, &source, &plain().range(0..3)).unwrap();
    upload.complete(&list(&[part])).unwrap();
    check_body(&bucket, "k", "012");
}

#[test]
fn a_part_can_be_copied_from_another_store() {
    let other = store().create_bucket("other").unwrap();
    let bucket = bucket(Versioning::Unversioned);
    let body = vec![5; 2 * MIB];
    other.put("s", body.clone()).unwrap();
    let options = UploadOptions::new().checksum_algorithm(ChecksumAlgorithm::Crc32c);
    let upload = bucket.create_upload_with("k", &options).unwrap();
    let part = upload.copy_part(1, &source(&other, "s")).unwrap();
    assert_eq!(part.checksum, Checksum::of_bytes(ChecksumAlgorithm::Crc32c, &body));
    upload.complete(&list(&[part])).unwrap();
    assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), body);
}

#[test]
fn a_copied_part_gets_the_checksum_of_its_upload() {
    let bucket = bucket(Versioning::Unversioned);
    let body = vec![9; 100_000];
    let sha = ChecksumAlgorithm::Sha256;
    bucket.put("plain", body.clone()).unwrap();
    bucket.put_with("sha", body.clone(), &PutOptions::new().checksum_algorithm(sha)).unwrap();
    let options = UploadOptions::new().checksum_algorithm(sha);
    let upload = bucket.create_upload_with("k", &options).unwrap();
    for (number, key) in [(1, "plain"), (2, "sha")] {
        let part = upload.copy_part(number, &source(&bucket, key)).unwrap();
        assert_eq!(part.checksum, Checksum::of_bytes(sha, &body));
        assert_eq!(part.etag, ETag::of_bytes(&body));
    }
}

#[test]
fn a_source_of_many_pieces_is_written_anew() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let bodies: Vec<String> = (0..40).map(|n| format!("part {n:02};")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    complete(&bucket, "s", &bodies);
    let before = live_bytes(&store);
    let upload = bucket.create_upload("k").unwrap();
    let shared = upload
        .copy_part_with(1, &source(&bucket, "s"), &CopyPartOptions::new().range(0..=127))
        .unwrap();
    assert_eq!(live_bytes(&store), before);
    let written = upload.copy_part(2, &source(&bucket, "s")).unwrap();
    assert_eq!(live_bytes(&store), before + 320);
    upload.complete(&list(&[shared, written])).unwrap();
    let all = bodies.concat();
    check_body(&bucket, "k", &format!("{}{all}", &all[..128]));
}

#[test]
fn a_thousand_parts_of_one_source_make_a_large_object() {
    let settings = small_parts(EtagMode::Opaque);
    let builder = Store::builder(Arc::new(MemoryBackend::new())).settings(settings);
    let store = builder.build().unwrap();
    let bucket = store.create_bucket("test").unwrap();
    let body: Vec<u8> = (0..=250).cycle().take(6 * MIB).collect();
    bucket.put("s", body.clone()).unwrap();
    let upload = bucket.create_upload("k").unwrap();
    let copy = |n| upload.copy_part(n, &source(&bucket, "s")).unwrap();
    let parts: Vec<_> = (1..=1000).map(copy).collect();
    assert_eq!(upload.parts().count(), 1000);
    upload.complete(&list(&parts)).unwrap();
    let info = bucket.head("k").unwrap();
    assert_eq!((info.size(), info.parts_count()), (6000 << 20, Some(1000)));
    let end = info.size();
    assert_eq!(&bucket.get_range("k", end - 10..end).unwrap()[..], &body[body.len() - 10..]);
    let seam = 6 * MIB as u64 * 500;
    let across = bucket.get_range("k", seam - 3..seam + 3).unwrap();
    assert_eq!(&across[..], [&body[body.len() - 3..], &body[..3]].concat());
    bucket.delete("s").unwrap();
    assert_eq!(live_bytes(&store), 6 << 20);
    bucket.delete("k").unwrap();
    assert_eq!((live_bytes(&store), bucket.stats().unwrap().total().objects), (0, 0));
}

#[test]
fn a_part_copied_while_its_source_is_overwritten_is_of_one_version() {
    let store = store();
    let bucket = store.create_bucket("test").unwrap();
    let bodies = [vec![1; 9_000], vec![2; 9_000]];
    bucket.put("s", bodies[0].clone()).unwrap();
    let upload = bucket.create_upload("k").unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..300 {
                bucket.put("s", bodies[round % 2].clone()).unwrap();
            }
        });
        while !writer.is_finished() {
            let options = CopyPartOptions::new().range(10..8_000);
            let part = upload.copy_part_with(1, &source(&bucket, "s"), &options).unwrap();
            let tags = bodies.each_ref().map(|body| ETag::of_bytes(&body[10..8_000]));
            assert!(tags.contains(&part.etag));
        }
    });
    let parts: Vec<CompletedPart> = upload.parts().map(|part| part.unwrap().into()).collect();
    upload.complete(&parts).unwrap();
    bucket.delete("s").unwrap();
    let bytes = bucket.get("k").unwrap().bytes().unwrap();
    assert!(bodies.iter().any(|body| bytes == body[10..8_000]));
    bucket.delete("k").unwrap();
    assert_eq!(live_bytes(&store), 0);
}

/// Seals with one byte, and binds as strictly as a real one.
#[derive(Debug)]
struct ToySealer;

#[derive(Debug)]
struct Toy(u8);

impl Sealer for ToySealer {
    fn seal(&self, context: &SealContext<'_>) -> Result<Box<dyn Sealing>, SealError> {
        Ok(Box::new(Toy(0x40 | u8::try_from(context.key.len()).unwrap())))
    }

    fn open(
        &self,
        _context: &SealContext<'_>,
        envelope: &[u8],
        binding: &[u8; 32],
        _plain_len: u64,
    ) -> Result<Box<dyn Sealed>, SealError> {
        match envelope.split_first() {
            Some((key, bound)) if bound == binding => Ok(Box::new(Toy(*key))),
            _ => Err(SealError::Refused),
        }
    }

    fn rebind(
        &self,
        context: &SealContext<'_>,
        envelope: &[u8],
        from: &[u8; 32],
        to: &[u8; 32],
    ) -> Result<Bytes, SealError> {
        self.open(context, envelope, from, 0)?;
        Ok([&envelope[..1], to].concat().into())
    }
}

impl Sealing for Toy {
    fn update(&mut self, plain: &[u8]) -> Result<Bytes, SealError> {
        Ok(plain.iter().map(|byte| byte ^ self.0).collect())
    }

    fn finish(&mut self) -> Result<Bytes, SealError> {
        Ok(Bytes::new())
    }

    fn envelope(&mut self, binding: &[u8; 32]) -> Result<Bytes, SealError> {
        Ok([&[self.0], &binding[..]].concat().into())
    }
}

impl Sealed for Toy {
    fn sealed_range(&self, range: Range<u64>) -> Range<u64> {
        range
    }

    fn open_range(&self, _range: Range<u64>, sealed: &[u8]) -> Result<Bytes, SealError> {
        Ok(sealed.iter().map(|byte| byte ^ self.0).collect())
    }
}

#[test]
fn sealed_parts_are_bound_to_their_upload_and_then_to_their_object() {
    let backend = Arc::new(MemoryBackend::new());
    let builder = Store::builder(backend.clone()).sealer(Arc::new(ToySealer));
    let store = builder.settings(small_parts(EtagMode::Md5)).build().unwrap();
    let options = BucketOptions::new().versioning(Versioning::Enabled);
    let bucket = store.create_bucket_with("test", options).unwrap();
    let other = store.create_bucket("other").unwrap();
    let body: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
    bucket.put("s", body.clone()).unwrap();

    let upload = bucket.create_upload("k").unwrap();
    let first = upload.put_part(2, body.clone()).unwrap();
    let second = upload.copy_part(5, &source(&bucket, "s")).unwrap();
    let before = live_bytes(&store);
    let last = upload.put_part(7, "end").unwrap();
    upload.complete(&list(&[first, second, last])).unwrap();
    let all = [&body[..], &body, b"end"].concat();
    assert_eq!(bucket.get("k").unwrap().bytes().unwrap(), all);
    assert_eq!(live_bytes(&store), before + 3);

    // Across the parts, into another bucket, and on from there.
    let upload = other.create_upload("copy").unwrap();
    let options = CopyPartOptions::new().range(100_000..400_003);
    let first = upload.copy_part_with(1, &source(&bucket, "k"), &options).unwrap();
    let second = upload.copy_part(2, &source(&bucket, "k")).unwrap();
    upload.complete(&list(&[first, second])).unwrap();
    assert_eq!(live_bytes(&store), before + 3);
    assert_eq!(other.get("copy").unwrap().bytes().unwrap(), [&all[100_000..], &all].concat());

    let plain = Store::builder(backend).build().unwrap().bucket("other").unwrap();
    check_fails(plain.get("copy").and_then(|object| object.bytes()), "AccessDenied");
}

#[test]
fn whole_parts_of_a_source_need_not_be_read() {
    // In a store whose entity tags are no MD5s, nothing else has to be known of them.
    let builder = Store::builder(Arc::new(MemoryBackend::new()));
    let store = builder.settings(small_parts(EtagMode::Opaque)).build().unwrap();
    let bucket = store.create_bucket("test").unwrap();
    complete(&bucket, "s", &["first", "second", "third", "end"]);
    let upload = bucket.create_upload("k").unwrap();
    for (range, expected) in
        [(0..5, "first"), (5..16, "secondthird"), (16..19, "end"), (4..16, "tsecondthird")]
    {
        let options = CopyPartOptions::new().range(range);
        let part = upload.copy_part_with(1, &source(&bucket, "s"), &options).unwrap();
        let crc = Checksum::of_bytes(ChecksumAlgorithm::Crc64Nvme, expected.as_bytes());
        assert_eq!((part.checksum, part.size), (crc, expected.len() as u64));
    }
}
