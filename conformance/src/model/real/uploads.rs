//! Multipart uploads of a real store.

use super::{Real, etag_text, hold, metadata, tags, write_condition};
use crate::model::{
    answer::{Answer, Page, Part, Picks},
    objects,
    op::{Condition, Extras, KEYS, Place, Text},
};
use cistern_storage_core::{
    ByteRange, CompleteOptions, CompletedPart, CopyPartOptions, CopySource, Error,
    ListPartsOptions, ListUploadsOptions, PartInfo, Upload, UploadOptions, VersionId,
};

impl Real {
    pub(super) fn begin(&mut self, at: Place, extras: Extras) -> Result<Answer, Error> {
        let mut options = UploadOptions::new()
            .storage_class(extras.class)
            .tags(tags(objects::tags(extras.tag)))
            .metadata(metadata(objects::user(extras.user)));
        if let Some(retain) = extras.retention {
            options = options.retention(self.retention(retain));
        }
        if let Some(on) = extras.hold {
            options = options.legal_hold(hold(on));
        }
        let upload = self.bucket(at.bucket)?.create_upload_with(at.key, &options)?;
        self.begun.push((at, upload.id().clone()));
        Ok(Answer::Begun(self.begun.len() - 1))
    }

    /// Learns of the upload that was begun by a call which failed, if it was; `begun` uploads are
    /// known to have been begun.
    pub(in crate::model) fn learn_upload(
        &mut self,
        bucket: Text,
        begun: usize,
    ) -> Result<(), Error> {
        if self.begun.len() >= begun {
            return Ok(());
        }
        let page = self.bucket(bucket)?.list_uploads_page(&ListUploadsOptions::new())?;
        for upload in page.uploads {
            let known = self.begun.iter().any(|(_, id)| *id == upload.id);
            let key = KEYS.iter().find(|key| **key == upload.key.as_str());
            if let (false, Some(key)) = (known, key) {
                self.begun.push((Place { bucket, key }, upload.id));
            }
        }
        Ok(())
    }

    fn upload(&self, upload: usize) -> Result<Upload, Error> {
        let (at, id) = &self.begun[upload];
        self.bucket(at.bucket)?.upload(at.key, id)
    }

    pub(super) fn put_part(
        &self,
        picks: &Picks,
        number: u32,
        body: Vec<u8>,
    ) -> Result<Answer, Error> {
        let Some(upload) = picks.upload else { return Ok(Answer::Done) };
        let put = self.upload(upload)?.put_part(number, body)?;
        Ok(Answer::Part(part(&put.info)))
    }

    pub(super) fn copy_part(
        &self,
        picks: &Picks,
        number: u32,
        from: Place,
        version: Option<VersionId>,
        range: Option<ByteRange>,
    ) -> Result<Answer, Error> {
        let Some(upload) = picks.upload else { return Ok(Answer::Done) };
        let upload = self.upload(upload)?;
        let mut source = CopySource::new(&self.bucket(from.bucket)?, from.key)?;
        if let Some(version) = version {
            source = source.version(version);
        }
        let mut options = CopyPartOptions::new();
        if let Some(range) = range {
            options = options.range(range);
        }
        let copied = upload.copy_part_with(number, &source, &options)?;
        Ok(Answer::Part(part(&copied.info)))
    }

    pub(super) fn complete(
        &mut self,
        picks: &Picks,
        condition: Condition,
    ) -> Result<Answer, Error> {
        let Some(upload) = picks.upload else { return Ok(Answer::Done) };
        let upload = self.upload(upload)?;
        let parts = picks.parts.iter().map(|(number, etag)| {
            CompletedPart::new(*number, etag.parse().expect("the model tells entity tags"))
        });
        let condition = write_condition(upload.bucket(), upload.key().as_str(), condition)?;
        let options = CompleteOptions::new().condition(condition);
        let receipt = upload.complete_with(&parts.collect::<Vec<_>>(), &options)?;
        Ok(Answer::Written(self.written(&receipt)))
    }

    pub(super) fn abort(&self, picks: &Picks) -> Result<Answer, Error> {
        let Some(upload) = picks.upload else { return Ok(Answer::Done) };
        self.upload(upload)?.abort().map(|()| Answer::Done)
    }

    pub(super) fn list_parts(&self, picks: &Picks, max: u32) -> Result<Answer, Error> {
        let Some(upload) = picks.upload else { return Ok(Answer::Done) };
        let upload = self.upload(upload)?;
        let mut pages = Vec::new();
        let mut next = Some(ListPartsOptions::new().max_parts(max));
        while let Some(options) = next {
            let page = upload.parts_page(&options)?;
            next = page.next_part_number_marker.map(|last| options.part_number_marker(last));
            let entries = page.parts.iter().map(part).collect();
            pages.push(Page { entries, prefixes: Vec::new(), is_truncated: page.is_truncated });
        }
        Ok(Answer::PartPages(pages))
    }

    pub(super) fn list_uploads(
        &self,
        bucket: Text,
        first: ListUploadsOptions,
    ) -> Result<Answer, Error> {
        let bucket = self.bucket(bucket)?;
        let mut pages = Vec::new();
        let mut next = Some(first);
        while let Some(options) = next {
            let page = bucket.list_uploads_page(&options)?;
            next = page.next_key_marker.map(|key| {
                let options = options.key_marker(key);
                match page.next_upload_id_marker {
                    Some(id) => options.upload_id_marker(id),
                    None => options,
                }
            });
            let entries = page.uploads.iter().map(|upload| {
                let number = self.begun.iter().position(|(_, id)| *id == upload.id);
                let number = number.unwrap_or(usize::MAX);
                (upload.key.as_str().to_owned(), number, upload.initiated.as_millis())
            });
            let (prefixes, is_truncated) = (page.common_prefixes, page.is_truncated);
            pages.push(Page { entries: entries.collect(), prefixes, is_truncated });
        }
        Ok(Answer::UploadPages(pages))
    }
}

fn part(info: &PartInfo) -> Part {
    (info.number, info.size, etag_text(info.etag), info.last_modified.as_millis())
}
