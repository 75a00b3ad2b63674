//! Abort upload: one commit that takes the upload out, and frees its parts.

use super::{
    until_undisturbed,
    upload::{find_with_parts, no_such_upload, take_out},
};
use crate::{
    authority::Permit, bucket_config::BucketConfig, edit::Edit, error::Result, port::Ticket,
    upload::Upload,
};

pub(crate) fn abort(upload: &Upload, _permit: Permit) -> Result<()> {
    let bucket = &upload.bucket;
    let ticket = until_undisturbed(bucket, upload.key.as_str(), || attempt(upload))?;
    bucket.store().wait(ticket).map(drop)
}

fn attempt(upload: &Upload) -> Result<Option<Ticket>> {
    let config = upload.bucket.config()?;
    abort_under(upload, &config)
}

/// One try, under a configuration that the caller holds.
pub(super) fn abort_under(upload: &Upload, config: &BucketConfig) -> Result<Option<Ticket>> {
    let bucket = &upload.bucket;
    let Some((found, parts)) = find_with_parts(upload)? else {
        return Err(no_such_upload(upload));
    };
    let mut edit = Edit::new(bucket.store(), bucket.state(), config, upload.key.as_str(), None);
    take_out(&mut edit, bucket, &found, &parts);
    for part in &parts {
        edit.free_parts(std::slice::from_ref(&part.row.entry));
    }
    edit.commit()
}
