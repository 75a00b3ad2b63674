//! The mutations: what a promise rests on, each taken away alone.

/// One change of a source, and the tests that must notice it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mutation {
    /// What does not hold any more.
    pub(super) name: &'static str,
    /// The file.
    pub(super) path: &'static str,
    /// A text that stands in the file once.
    pub(super) text: &'static str,
    /// What stands there instead.
    pub(super) instead: &'static str,
    /// Arguments of `cargo test`.
    pub(super) tests: &'static [&'static str],
}

const DISK: &[&str] = &["--package", "cistern-disk", "--lib", "--test", "crash", "--test", "it"];

/// Every mutation.
pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "the checksum of a frame's payload is not looked at",
        path: "disk/src/format.rs",
        text: "self.kind == FrameKind::Pad || checksum(payload) == self.payload_sum",
        instead: "self.kind == FrameKind::Pad || payload.len() == payload_bytes(self.len)",
        tests: DISK,
    },
    Mutation {
        name: "the checksum of a frame's header is not looked at",
        path: "disk/src/format.rs",
        text: "header_sum(&bytes[..SUMMED_BYTES], extension) == word(bytes, SUMMED_BYTES)",
        instead: "extension.len() <= bytes.len()",
        tests: DISK,
    },
    Mutation {
        name: "the checksum of a long body's chunk is not looked at",
        path: "disk/src/engine/blob_read.rs",
        text: "if checksum(chunk) != word(table, (first + number) * 8) {",
        instead: "if false && checksum(chunk) != word(table, (first + number) * 8) {",
        tests: DISK,
    },
    Mutation {
        name: "the checksum of a chunk of a body's file is not looked at",
        path: "disk/src/blob_file/reader.rs",
        text: "if found != *expected {",
        instead: "if false && found != *expected {",
        tests: DISK,
    },
    Mutation {
        name: "the checksum of a block of the index is not looked at",
        path: "disk/src/index/block.rs",
        text: "if u64::from_le_bytes(array(sum, 0)) != block_sum(run, offset, body) {",
        instead: "if sum.is_empty() {",
        tests: DISK,
    },
    Mutation {
        name: "the log is not synced before a commit is acknowledged",
        path: "disk/src/engine/group.rs",
        text: "segment.sync()?;",
        instead: "let _ = segment;",
        tests: DISK,
    },
    Mutation {
        name: "a group is acknowledged before bodies that their writers write are there",
        path: "disk/src/engine/group.rs",
        text: "while queue.direct.iter().any(|lsn| *lsn < group.end) && !self.is_poisoned() {",
        instead: "while false && !self.is_poisoned() {",
        tests: DISK,
    },
    Mutation {
        name: "a body's file is not synced before a synced commit names it",
        path: "disk/src/engine/blob_write.rs",
        text: "self.files.sync(&handles).map_err(|error| self.poison(error))?;",
        instead: "drop(handles);",
        tests: DISK,
    },
    Mutation {
        name: "files of weaker commits are not synced before the log",
        path: "disk/src/engine/group.rs",
        text: "self.files.sync(&group.files)?;",
        instead: "",
        tests: DISK,
    },
    Mutation {
        name: "the folder of bodies is not synced",
        path: "disk/src/engine/blob_write.rs",
        text: "let outcome = self.device.sync_folder(folder);",
        instead: "let outcome: std::io::Result<()> = Ok(());",
        tests: DISK,
    },
    Mutation {
        name: "damage in the log is cut like a torn tail",
        path: "disk/src/engine/replay.rs",
        text: "if self.is_clean { Ok(()) } else { self.check_end() }",
        instead: "Ok(())",
        tests: DISK,
    },
    Mutation {
        name: "a torn tail is refused like damage",
        path: "disk/src/log/reader.rs",
        text: "&& header.durable > point",
        instead: "&& header.lsn > point",
        tests: DISK,
    },
    Mutation {
        name: "what recovery found is not synced",
        path: "disk/src/engine/open.rs",
        text: "segment.save_again(replay.durable, segment.sealed().unwrap_or(end).min(end))?;",
        instead: "let _ = end;",
        tests: DISK,
    },
    Mutation {
        name: "a commit whose file a crash took is kept",
        path: "disk/src/engine/replay.rs",
        text: "Err(error) if is_lost(&error) => return Ok(Some(position)),",
        instead: "Err(error) if is_lost(&error) => {}",
        tests: DISK,
    },
    Mutation {
        name: "a lsn is given out again after a crash",
        path: "disk/src/engine/open.rs",
        text: "let start = last.map(|(_, end)| end).max().unwrap_or(FIRST_LSN).max(replay.end);",
        instead: "let start = last.map(|(_, _)| replay.end).max().unwrap_or(FIRST_LSN);",
        tests: DISK,
    },
    Mutation {
        name: "a body that was moved has no forwarding entry",
        path: "disk/src/engine/compaction.rs",
        text: "rows: vec![(moved_key(moved.origin), Some(count_row(moved.lsn)))],",
        instead: "rows: Vec::new(),",
        tests: DISK,
    },
    Mutation {
        name: "a failed group does not poison the store",
        path: "disk/src/engine/group.rs",
        text: "self.poison(error);\n            } else {",
        instead: "drop(error);\n                self.publish(group.entries.make_contiguous());\n            } else {",
        tests: DISK,
    },
    Mutation {
        name: "a precondition about a row is not looked at",
        path: "disk/src/engine/commit.rs",
        text: "(value != *seen).then_some(pending)",
        instead: "(false && value != *seen).then_some(pending)",
        tests: DISK,
    },
    Mutation {
        name: "a precondition about a range is not looked at",
        path: "disk/src/engine/commit.rs",
        text: "self.find_in_range(queue, start, end, reads.at, was_empty)?",
        instead: "self.find_in_range(queue, start, start, reads.at, was_empty)?",
        tests: DISK,
    },
    Mutation {
        name: "rows that are committed and not published are not looked at",
        path: "disk/src/engine/commit.rs",
        text: "if let Some(pending) = queue.pending.get(key) {\n            return Ok((pending.value.clone(), Some(pending.position)));",
        instead: "if let Some(pending) = queue.pending.get(key).filter(|_| false) {\n            return Ok((pending.value.clone(), Some(pending.position)));",
        tests: DISK,
    },
    Mutation {
        name: "a body has one owner too many",
        path: "disk/src/engine/owners.rs",
        text: "(before + claim.adopts).checked_sub(claim.frees)",
        instead: "(before + claim.adopts + 1).checked_sub(claim.frees)",
        tests: DISK,
    },
    Mutation {
        name: "a body with several owners dies with the first",
        path: "disk/src/engine/owners.rs",
        text: "several => changes.rows.push((key, Some(count_row(several)))),",
        instead: "several => changes.rows.push((key, Some(count_row(several - 1)))),",
        tests: DISK,
    },
    Mutation {
        name: "the manifest is not synced",
        path: "disk/src/index/manifest.rs",
        text: "let mut synced = file.sync().map_err(io(\"sync\"));",
        instead: "let mut synced = Ok(());",
        tests: DISK,
    },
    Mutation {
        name: "a run is not synced before the manifest names it",
        path: "disk/src/index/run_writer.rs",
        text: "self.file.sync().map_err(|error| BackendError::io(\"sync\", self.name.as_str(), error))?;",
        instead: "",
        tests: DISK,
    },
    Mutation {
        name: "the name of a segment is not synced",
        path: "disk/src/log/segments.rs",
        text: "renamed.map_err(|error| io(\"rename\", error))?;\n        self.sync_folder()?;",
        instead: "renamed.map_err(|error| io(\"rename\", error))?;",
        tests: DISK,
    },
    Mutation {
        name: "a checkpoint is taken before the log is synced up to it",
        path: "disk/src/engine/checkpoint.rs",
        text: "let meta = self.capture(clean);\n        self.flush_all(Durability::Synced)?;",
        instead: "let meta = self.capture(clean);",
        tests: DISK,
    },
    Mutation {
        name: "a file is removed before the commit that freed it is durable",
        path: "disk/src/engine/checkpoint.rs",
        text: "let is_durable = |end: &Lsn| *end <= durable;",
        instead: "let is_durable = |end: &Lsn| *end <= durable.max(*end);",
        tests: DISK,
    },
    Mutation {
        name: "segments with bodies that nobody owns yet are used again",
        path: "disk/src/engine/checkpoint.rs",
        text: "covered && segment.unowned() == 0 && segment.live() == 0",
        instead: "covered && segment.live() == 0",
        tests: DISK,
    },
];
