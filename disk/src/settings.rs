//! `DiskSettings`: the numbers of a store on disk.

use std::ops::RangeInclusive;

/// Numbers that a store is opened with. None of them changes what is stored, so a store may be
/// opened with other numbers than it was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskSettings {
    /// How large a segment of the log grows, in bytes; 64 MiB. A store that keeps less than eight
    /// times as much has smaller ones, down to an eighth of it. Kept between 64 KiB and 1 GiB, and to whole pages of 4 KiB.
    pub segment_bytes: u64,
    /// Bodies up to this many bytes are better kept in a row than in a blob; 1024. Only a hint to
    /// the layer above, as [`Capabilities`](cistern_storage_core::port::Capabilities) tells it.
    pub inline_bytes_max: u32,
    /// Bodies over this many bytes get a file of their own; 4 MiB, which is also the most.
    pub blob_file_bytes_min: u64,
    /// The rows changed since the last checkpoint may take this many bytes of memory; 32 MiB.
    /// Twice as much while a checkpoint runs; then writers wait for it.
    pub overlay_bytes_max: u64,
    /// Memory for blocks of the index; 32 MiB.
    pub block_cache_bytes: u64,
    /// The log since the last checkpoint may grow to this many bytes; 256 MiB. A small store has
    /// less: 32 MiB, or a quarter of what it keeps. It bounds how long opening takes after a crash.
    pub log_bytes_max: u64,
    /// Empty segments kept for use; 2.
    pub spare_segments: usize,
    /// Who does the background work.
    pub background: Background,
    /// The identity a new store gets; random when `None`. Two stores must not share one.
    pub store_id: Option<[u8; 16]>,
}

/// Who does the background work: checkpoints, merges, compaction, filling segments ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// Threads of the store's own.
    #[default]
    Threads,
    /// Whoever calls [`DiskBackend::maintain`](crate::DiskBackend::maintain). A writer that finds
    /// the memory for changed rows full does what is needed to go on.
    Manual,
}

impl Default for DiskSettings {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            inline_bytes_max: 1024,
            blob_file_bytes_min: PACKED_BYTES_MAX,
            overlay_bytes_max: 32 << 20,
            block_cache_bytes: 32 << 20,
            log_bytes_max: 256 << 20,
            spare_segments: 2,
            background: Background::Threads,
            store_id: None,
        }
    }
}

impl DiskSettings {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`Self::segment_bytes`].
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        let bytes = bytes.clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        self.segment_bytes = bytes - bytes % PAGE_BYTES;
        self
    }

    /// Sets [`Self::inline_bytes_max`].
    #[must_use]
    pub fn inline_bytes_max(mut self, bytes: u32) -> Self {
        self.inline_bytes_max = bytes;
        self
    }

    /// Sets [`Self::blob_file_bytes_min`].
    #[must_use]
    pub fn blob_file_bytes_min(mut self, bytes: u64) -> Self {
        self.blob_file_bytes_min = bytes.min(PACKED_BYTES_MAX);
        self
    }

    /// Sets [`Self::overlay_bytes_max`].
    #[must_use]
    pub fn overlay_bytes_max(mut self, bytes: u64) -> Self {
        self.overlay_bytes_max = bytes;
        self
    }

    /// Sets [`Self::block_cache_bytes`].
    #[must_use]
    pub fn block_cache_bytes(mut self, bytes: u64) -> Self {
        self.block_cache_bytes = bytes;
        self
    }

    /// Sets [`Self::log_bytes_max`].
    #[must_use]
    pub fn log_bytes_max(mut self, bytes: u64) -> Self {
        self.log_bytes_max = bytes;
        self
    }

    /// Sets [`Self::spare_segments`].
    #[must_use]
    pub fn spare_segments(mut self, count: usize) -> Self {
        self.spare_segments = count;
        self
    }

    /// Sets [`Self::background`].
    #[must_use]
    pub fn background(mut self, background: Background) -> Self {
        self.background = background;
        self
    }

    /// Sets [`Self::store_id`].
    #[must_use]
    pub fn store_id(mut self, id: [u8; 16]) -> Self {
        self.store_id = Some(id);
        self
    }
}

/// The longest body a frame of the log holds.
pub(crate) const PACKED_BYTES_MAX: u64 = 4 << 20;

impl DiskSettings {
    /// Within their bounds, however they were set.
    pub(crate) fn bounded(&self) -> Self {
        let (segment_bytes, blob_file_bytes_min) = (self.segment_bytes, self.blob_file_bytes_min);
        self.clone().segment_bytes(segment_bytes).blob_file_bytes_min(blob_file_bytes_min)
    }
}

/// The length of a segment is a multiple of this.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// The shortest segment.
pub(crate) const SEGMENT_BYTES_MIN: u64 = 64 << 10;

const SEGMENT_BYTES: RangeInclusive<u64> = SEGMENT_BYTES_MIN..=(1 << 30);
