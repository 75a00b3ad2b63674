//! Lists of parts, and of uploads in progress.

use super::*;

// Law-test: S3, ListParts.
#[test]
fn parts_are_listed_by_number() {
    let bucket = bucket(Versioning::Unversioned);
    let upload = bucket.create_upload("k").unwrap();
    for number in [300, 2, 10_000, 7] {
        upload.put_part(number, "x").unwrap();
    }
    let numbers: Vec<_> = upload.parts().map(|part| part.unwrap().number).collect();
    assert_eq!(numbers, [2, 7, 300, 10_000]);
    let options = ListPartsOptions::new().part_number_marker(2).max_parts(2);
    let page = upload.parts_page(&options).unwrap();
    assert_eq!(page.parts.iter().map(|part| part.number).collect::<Vec<_>>(), [7, 300]);
    assert_eq!((page.is_truncated, page.next_part_number_marker), (true, Some(300)));
    assert_eq!((page.parts[0].size, page.parts[0].etag), (1, ETag::of_bytes(b"x")));
    let page = upload.parts_page(&options.part_number_marker(300)).unwrap();
    assert_eq!((page.is_truncated, page.next_part_number_marker), (false, None));
    assert_eq!(page.parts.len(), 1);
    for (marker, max) in [(10_000, 5), (70_000, 5), (u32::MAX, 5), (0, 0)] {
        let options = ListPartsOptions::new().part_number_marker(marker).max_parts(max);
        let page = upload.parts_page(&options).unwrap();
        assert!(page.parts.is_empty() && !page.is_truncated);
    }
}

// Law-test: S3, ListMultipartUploads.
#[test]
fn uploads_are_listed_by_key_then_by_age() {
    let bucket = bucket(Versioning::Unversioned);
    let keys = ["b", "a/2", "a/1", "b", "c/1", "d", "b"];
    let uploads: Vec<_> = keys.map(|key| bucket.create_upload(key).unwrap()).into();
    let id = |at: usize| uploads[at].id().clone();
    let all: Vec<_> = bucket.list_uploads("").map(|upload| upload.unwrap().id).collect();
    assert_eq!(all, [id(2), id(1), id(0), id(3), id(6), id(4), id(5)]);
    assert_eq!(bucket.list_uploads("a/").count(), 2);

    let options = ListUploadsOptions::new().delimiter("/").max_uploads(2);
    let page = bucket.list_uploads_page(&options).unwrap();
    assert_eq!((&page.common_prefixes[..], page.uploads.len()), (&["a/".to_owned()][..], 1));
    assert_eq!(
        (page.next_key_marker.as_deref(), page.next_upload_id_marker),
        (Some("b"), Some(id(0)))
    );
    // The marker is gone when the next page is asked for.
    uploads[0].abort().unwrap();
    let next = options.clone().key_marker("b").upload_id_marker(id(0)).max_uploads(3);
    let page = bucket.list_uploads_page(&next).unwrap();
    let ids: Vec<_> = page.uploads.iter().map(|upload| upload.id.clone()).collect();
    assert_eq!((ids, &page.common_prefixes[..]), (vec![id(3), id(6)], &["c/".to_owned()][..]));
    assert_eq!((page.next_key_marker.as_deref(), page.next_upload_id_marker), (Some("c/"), None));
    let page = bucket.list_uploads_page(&options.clone().key_marker("c/")).unwrap();
    assert_eq!((page.uploads[0].id.clone(), page.is_truncated), (id(5), false));
    let page = bucket.list_uploads_page(&options.clone().key_marker("a/1")).unwrap();
    assert!(page.common_prefixes.is_empty());

    let wrong = ListUploadsOptions::new().key_marker("b");
    for marker in [id(1), "nonsense".into()] {
        check_fails(
            bucket.list_uploads_page(&wrong.clone().upload_id_marker(marker)),
            "InvalidArgument",
        );
    }
    let page = bucket.list_uploads_page(&wrong).unwrap();
    assert_eq!(page.uploads.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["c/1", "d"]);
    let ignored = ListUploadsOptions::new().upload_id_marker(id(1));
    assert_eq!(bucket.list_uploads_page(&ignored).unwrap().uploads.len(), 6);
}
