//! Create upload: one row that says what the object will have.

use super::{
    put::{check_class, check_lock},
    until_undisturbed,
    upload::staged_class,
};
use crate::{
    authority::Permit,
    bucket::Bucket,
    checksum::{ChecksumAlgorithm, ChecksumType},
    edit::Edit,
    error::Result,
    object_key::ObjectKey,
    port::Ticket,
    row::{Rare, UploadRow, upload_key},
    stats::Counted,
    upload::{Place, Upload, UploadId, UploadOptions},
};

pub(crate) fn create(
    bucket: &Bucket,
    _permit: Permit,
    key: ObjectKey,
    options: &UploadOptions,
) -> Result<Upload> {
    let sums = ChecksumAlgorithm::for_upload(options.algorithm, options.checksum_type)?;
    check_class(options.class)?;
    check_lock(bucket, options.retention, options.legal_hold)?;
    let (ticket, place) =
        until_undisturbed(bucket, key.as_str(), || attempt(bucket, &key, options, sums))?;
    bucket.store().wait(ticket)?;
    Ok(Upload { bucket: bucket.clone(), key, id: UploadId::new(place) })
}

fn attempt(
    bucket: &Bucket,
    key: &ObjectKey,
    options: &UploadOptions,
    (algorithm, checksum_type): (ChecksumAlgorithm, ChecksumType),
) -> Result<Option<(Ticket, Place)>> {
    let store = bucket.store();
    let config = bucket.config()?;
    let mut edit = Edit::new(store, bucket.state(), &config, key.as_str(), options.durability);
    let current = edit.current()?.filter(|stored| !stored.row.delete_marker);
    let seq = edit.next_seq()?;
    let place = Place::new(seq, store.tag(seq), key.as_str());
    let row = UploadRow {
        tag: place.tag,
        initiated: store.now(),
        class: options.class,
        algorithm,
        checksum_type,
        current_at_start: current.map(|stored| stored.row.seq),
        rare: Rare {
            metadata: options.metadata.clone(),
            tags: options.tags.clone(),
            retention: options.retention,
            legal_hold: options.legal_hold,
            ..Rare::default()
        },
    };
    edit.batch().put(upload_key(bucket.state().id, key.as_str(), seq), row.encode());
    edit.tally().change(staged_class(options.class), Counted::Uploads, 1);
    Ok(edit.commit()?.map(|ticket| (ticket, place)))
}
