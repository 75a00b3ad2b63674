//! Multipart uploads of the model.

use super::{
    Objects,
    answer::{Answer, Name, Outcome, Pairs, Part, Refusal, Written, refuse},
    listing::{Item, item, pages},
    objects::{ModelTag, New, tags, user},
    op::{Condition, Extras, PartList, Place, Text},
};
use bytes::Bytes;
use cistern_storage_core::{ByteRange, ETag, RetentionMode, StorageClass};
use std::{collections::BTreeMap, ops::Range};

/// The smallest part before the last, so that small bodies reach the rule.
pub(super) const PART_BYTES_MIN: u64 = 100;

/// How long the answer of a completion is kept.
const ANSWER_KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// An upload in progress.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    at: Place,
    /// Its place in the order of writes.
    order: u64,
    initiated: i64,
    /// The order of what was current when it began.
    current_at_start: Option<u64>,
    class: StorageClass,
    tags: Pairs,
    user: Pairs,
    retention: Option<(RetentionMode, i64)>,
    hold: Option<bool>,
    /// Bytes, and when they came.
    parts: BTreeMap<u32, (Bytes, i64)>,
}

/// One that is completed: its answer is given again for the same list.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    list: Vec<(u32, String)>,
    written: Written,
    at: i64,
}

/// Every upload ever begun is remembered by where it was and what it was completed with.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    at: Place,
    completed_with: Vec<(u32, String)>,
}

impl Upload {
    pub(super) fn class(&self) -> &'static str {
        self.class.as_str()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.parts.values().map(|(body, _)| body.len() as u64).sum()
    }
}

impl Objects {
    pub(super) fn pick_upload(&self, index: usize) -> Option<usize> {
        // The newest ones mostly: the others are completed or given up by then.
        let begun = self.begun.len();
        if index.is_multiple_of(3) {
            index.checked_rem(begun)
        } else {
            begun.checked_sub(1 + index % 2)
        }
    }

    pub(super) fn pick_parts(&self, upload: usize, list: PartList) -> Vec<(u32, String)> {
        let begun = &self.begun[upload];
        let in_progress =
            self.buckets.get(begun.at.bucket).and_then(|bucket| bucket.uploads.get(&upload));
        let tag = |body: &[u8]| ModelTag::of(body).text();
        let mut parts = match in_progress {
            Some(upload) => {
                upload.parts.iter().map(|(number, (body, _))| (*number, tag(body))).collect()
            }
            None => begun.completed_with.clone(),
        };
        match list {
            PartList::All => {}
            PartList::AllButTheFirst => drop(parts.drain(..parts.len().min(1))),
            PartList::Reversed => parts.reverse(),
            PartList::WithAWrongTag => {
                if let Some((_, last)) = parts.last_mut() {
                    *last = tag(b"no part that is ever put");
                }
            }
            PartList::WithOneMore => parts.push((9999, tag(b"no part that is ever put"))),
            PartList::Nothing => parts.clear(),
        }
        parts
    }

    pub(super) fn begin(&mut self, at: Place, extras: Extras) -> Outcome {
        self.bucket(at.bucket)?;
        self.check_lock(at, extras)?;
        let current = self.current(at).filter(|version| !version.is_marker());
        let current_at_start = current.map(|version| version.order);
        self.writes += 1;
        let upload = Upload {
            at,
            order: self.writes,
            initiated: self.now,
            current_at_start,
            class: extras.class,
            tags: tags(extras.tag),
            user: user(extras.user),
            retention: extras.retention.map(|retain| (retain.mode, self.now + retain.millis)),
            hold: extras.hold,
            parts: BTreeMap::new(),
        };
        let number = self.begun.len();
        self.begun.push(Begun { at, completed_with: Vec::new() });
        self.bucket_mut(at.bucket)?.uploads.insert(number, upload);
        Ok(Answer::Begun(number))
    }

    /// The states on the way of a bucket's removal: its uploads are given up one by one, and in the
    /// end the answers of those completed are forgotten.
    pub(super) fn without_uploads(&self, bucket: Text) -> Vec<Self> {
        let mut states = Vec::new();
        let Some(found) = self.buckets.get(bucket).filter(|found| found.keys.is_empty()) else {
            return states;
        };
        // In the order of their rows: by key, then as they were begun.
        let mut uploads: Vec<_> = found.uploads.iter().collect();
        uploads.sort_by_key(|(number, upload)| (upload.at.key, **number));
        let mut state = self.clone();
        for (number, _) in uploads {
            if let Some(bucket) = state.buckets.get_mut(bucket) {
                bucket.uploads.remove(number);
            }
            states.push(state.clone());
        }
        if let Some(bucket) = state.buckets.get_mut(bucket) {
            bucket.completed.clear();
        }
        states.push(state);
        states
    }

    pub(super) fn put_part(
        &mut self,
        upload: Option<usize>,
        number: u32,
        body: Vec<u8>,
    ) -> Outcome {
        let Some(upload) = upload else { return Ok(Answer::Done) };
        self.check_part(upload, number)?;
        self.insert_part(upload, number, body)
    }

    pub(super) fn copy_part(
        &mut self,
        upload: Option<usize>,
        number: u32,
        from: Place,
        pick: Option<Name>,
        range: Option<ByteRange>,
    ) -> Outcome {
        let Some(upload) = upload else { return Ok(Answer::Done) };
        self.bucket(self.begun[upload].at.bucket)?;
        self.bucket(from.bucket)?;
        self.check_part(upload, number)?;
        let source = match self.find(from, pick) {
            Err(Refusal { code: "MethodNotAllowed", .. }) => return refuse("InvalidRequest"),
            found => found?,
        };
        let range = to_the_letter(range, source.body.len() as u64)?;
        let index = |at: u64| usize::try_from(at).expect("inside a body");
        let body = source.body[index(range.start)..index(range.end)].to_vec();
        self.insert_part(upload, number, body)
    }

    fn check_part(&self, upload: usize, number: u32) -> Outcome<()> {
        let at = self.begun[upload].at;
        self.bucket(at.bucket)?;
        if !(1..=10_000).contains(&number) {
            return refuse("InvalidArgument");
        }
        self.in_progress(upload).map(drop)
    }

    fn in_progress(&self, upload: usize) -> Outcome<&Upload> {
        let found = self.bucket(self.begun[upload].at.bucket)?.uploads.get(&upload);
        found.map_or_else(|| refuse("NoSuchUpload"), Ok)
    }

    fn insert_part(&mut self, upload: usize, number: u32, body: Vec<u8>) -> Outcome {
        let now = self.now;
        let part = part(number, &body, now);
        let uploads = &mut self.bucket_mut(self.begun[upload].at.bucket)?.uploads;
        let upload = uploads.get_mut(&upload).expect("it was checked to be there");
        upload.parts.insert(number, (body.into(), now));
        Ok(Answer::Part(part))
    }

    pub(super) fn complete(
        &mut self,
        upload: Option<usize>,
        list: &[(u32, String)],
        condition: Condition,
    ) -> Outcome {
        let Some(number) = upload else { return Ok(Answer::Done) };
        let at = self.begun[number].at;
        let bucket = self.bucket(at.bucket)?;
        if list.is_empty() {
            return refuse("MalformedXML");
        }
        let Some(upload) = bucket.uploads.get(&number).cloned() else {
            let answer = bucket.completed.get(&number).filter(|answer| answer.list == list);
            let written = answer.map(|answer| answer.written.clone());
            return written.map_or_else(|| refuse("NoSuchUpload"), |it| Ok(Answer::Written(it)));
        };
        let parts = upload.listed(list)?;
        self.may_complete(at, &upload, condition)?;
        let digests = parts.iter().map(|part| ETag::of_bytes(part).digest());
        let new = New {
            etag: ModelTag::Told(ETag::of_parts(digests).to_string()),
            modified: upload.initiated,
            class: upload.class,
            tags: upload.tags.clone(),
            user: upload.user.clone(),
            retention: upload.retention,
            hold: upload.hold,
            parts: Some(parts.iter().map(|part| part.len() as u64).collect()),
            body: parts.concat().into(),
        };
        let written = self.push_at(at, new, Some(upload.order));
        self.begun[number].completed_with = list.to_vec();
        let now = self.now;
        let bucket = self.bucket_mut(at.bucket)?;
        bucket.uploads.remove(&number);
        // A completion clears away what is kept no longer.
        bucket.completed.retain(|_, answer| answer.at + ANSWER_KEPT_MILLIS >= now);
        let answer = Completed { list: list.to_vec(), written: written.clone(), at: now };
        bucket.completed.insert(number, answer);
        Ok(Answer::Written(written))
    }

    /// The condition holds now, and it did not come to hold by what happened since.
    fn may_complete(&self, at: Place, upload: &Upload, condition: Condition) -> Outcome<()> {
        self.may_write(at, condition)?;
        let changed = match self.current(at) {
            Some(current) if !current.is_marker() => Some(current.order) != upload.current_at_start,
            marker => {
                let marked_since = marker.is_some_and(|marker| marker.order > upload.order);
                upload.current_at_start.is_some() || marked_since
            }
        };
        if changed && !matches!(condition, Condition::None) {
            return refuse("ConditionalRequestConflict");
        }
        Ok(())
    }

    pub(super) fn abort(&mut self, upload: Option<usize>) -> Outcome {
        let Some(upload) = upload else { return Ok(Answer::Done) };
        self.in_progress(upload)?;
        self.bucket_mut(self.begun[upload].at.bucket)?.uploads.remove(&upload);
        Ok(Answer::Done)
    }

    pub(super) fn list_parts(&self, upload: Option<usize>, max: u32) -> Outcome {
        let Some(upload) = upload else { return Ok(Answer::Done) };
        let parts = &self.in_progress(upload)?.parts;
        let items = parts.iter().map(|(number, (body, at))| Item::Entry(part(*number, body, *at)));
        Ok(Answer::PartPages(pages(items.collect(), max)))
    }

    pub(super) fn list_uploads(
        &self,
        bucket: Text,
        prefix: Text,
        delimiter: Text,
        after: Text,
        max: u32,
    ) -> Outcome {
        let mut listed: Vec<_> = self.bucket(bucket)?.uploads.iter().collect();
        listed.sort_by_key(|(_, upload)| (upload.at.key, upload.order));
        listed.retain(|(_, upload)| upload.at.key.starts_with(prefix) && upload.at.key > after);
        let items = listed.into_iter().filter_map(|(number, upload)| {
            let key = upload.at.key;
            item(key, prefix, delimiter, after, || (key.to_owned(), *number, upload.initiated))
        });
        Ok(Answer::UploadPages(pages(items.collect(), max)))
    }
}

impl Upload {
    /// The bodies that the list names, if it is in order and they are as it says.
    fn listed(&self, list: &[(u32, String)]) -> Outcome<Vec<&[u8]>> {
        if list.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return refuse("InvalidPartOrder");
        }
        let mut parts = Vec::new();
        for (number, tag) in list {
            match self.parts.get(number) {
                Some((body, _)) if ModelTag::of(body).text() == *tag => parts.push(&body[..]),
                _ => return refuse("InvalidPart"),
            }
        }
        let (_, before_last) = parts.split_last().expect("an empty list was refused");
        if before_last.iter().any(|part| (part.len() as u64) < PART_BYTES_MIN) {
            return refuse("EntityTooSmall");
        }
        Ok(parts)
    }
}

fn part(number: u32, body: &[u8], at: i64) -> Part {
    (number, body.len() as u64, ModelTag::of(body).text(), at)
}

/// The bytes of a copied part: nothing is clipped.
fn to_the_letter(range: Option<ByteRange>, size: u64) -> Outcome<Range<u64>> {
    match range {
        None => Ok(0..size),
        Some(ByteRange::FromTo(first, last)) if first <= last => {
            match (first < size, last < size) {
                (false, _) => refuse("InvalidRequest"),
                (true, false) => refuse("InvalidArgument"),
                (true, true) => Ok(first..last + 1),
            }
        }
        Some(_) => refuse("InvalidArgument"),
    }
}
