//! The bytes of one file: as they are in the cache, and as a crash may leave them.

use super::crash::{Chance, Fate};
use std::{collections::BTreeMap, io, sync::Arc};

/// Bytes in pages that are shared until they are changed.
#[derive(Default)]
pub(super) struct Content {
    /// Open handles; the file lives while there is one.
    pub(super) handles: usize,
    cache: Pages,
    durable: Pages,
    /// What may or may not be on the medium, by page, oldest first.
    unsynced: BTreeMap<u64, Vec<Version>>,
    /// The lengths set since the last sync, oldest first.
    lengths: Vec<LengthChange>,
    next_write: u64,
}

#[derive(Clone, Default)]
struct Pages {
    len: u64,
    /// A page that is not here is all zeros.
    pages: BTreeMap<u64, Arc<Page>>,
}

type Page = [u8; PAGE_BYTES];

/// A page as one write left it.
struct Version {
    write: u64,
    page: Option<Arc<Page>>,
    /// A bit for each sector that the write touched and no sync has saved.
    sectors: u8,
    /// A sync of it failed: no later one will save it.
    abandoned: bool,
}

struct LengthChange {
    write: u64,
    len: u64,
    kind: LengthKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LengthKind {
    /// By a write past the end.
    Grown,
    /// By order: kept or lost, never torn.
    Set,
}

const PAGE_BYTES: usize = 4096;
const PAGE: u64 = PAGE_BYTES as u64;
const SECTOR_BYTES: usize = 512;

// A bit for each sector of a page.
const _: () = assert!(PAGE_BYTES / SECTOR_BYTES == u8::BITS as usize);

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.cache.len
    }

    /// Reads what there is, and says how much that was.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> usize {
        let left = usize::try_from(self.cache.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        for part in parts(offset, len) {
            let buffer = &mut buffer[part.at..part.at + part.len];
            match self.cache.pages.get(&part.page) {
                Some(page) => buffer.copy_from_slice(&page[part.start..part.start + part.len]),
                None => buffer.fill(0),
            }
        }
        len
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let len = usize::try_from(self.cache.len).expect("it is in memory");
        let mut bytes = vec![0; len];
        self.read_at(&mut bytes, 0);
        bytes
    }

    pub(super) fn write_at(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        let write = self.number_write();
        self.put(write, Some(bytes), offset, bytes.len());
        let end = offset + bytes.len() as u64;
        if end > self.cache.len {
            self.cache.len = end;
            self.lengths.push(LengthChange { write, len: end, kind: LengthKind::Grown });
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        let write = self.number_write();
        if len < self.cache.len {
            let cut = usize::try_from(self.cache.len - len).expect("it is in memory");
            self.put(write, None, len, cut);
        }
        self.cache.len = len;
        self.lengths.push(LengthChange { write, len, kind: LengthKind::Set });
    }

    pub(super) fn sync(&mut self) {
        let (cache, durable) = (&self.cache, &mut self.durable);
        self.unsynced.retain(|page, versions| {
            let fresh = versions.iter().filter(|version| !version.abandoned);
            let saved = fresh.fold(0, |sectors, version| sectors | version.sectors);
            durable.copy_sectors(*page, cache.pages.get(page), saved);
            versions.iter_mut().for_each(|version| version.sectors &= !saved);
            versions.retain(|version| version.sectors != 0);
            !versions.is_empty()
        });
        self.durable.len = self.cache.len;
        self.lengths.clear();
    }

    /// A sync failed: the cache takes its pages for clean now, so that no later sync writes them.
    pub(super) fn abandon(&mut self) {
        for version in self.unsynced.values_mut().flatten() {
            version.abandoned = true;
        }
    }

    pub(super) fn flip_bits(&mut self, offset: u64, mask: u8) -> io::Result<()> {
        if offset >= self.cache.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Part { page, start, .. } = parts(offset, 1).next().expect("one byte is one part");
        self.cache.page_mut(page)[start] ^= mask;
        self.durable.page_mut(page)[start] ^= mask;
        for version in self.unsynced.get_mut(&page).into_iter().flatten() {
            Arc::make_mut(version.page.get_or_insert_with(zeros))[start] ^= mask;
        }
        Ok(())
    }

    /// What the medium holds after losing power.
    pub(super) fn crash(&self, chance: &mut Chance) -> Self {
        let mut medium = self.durable.clone();
        let fates = self.fates(chance);
        let mut reached = BTreeMap::new();
        for (page, versions) in &self.unsynced {
            for version in versions {
                let kept = match fates[&version.write] {
                    Fate::Lost => 0,
                    Fate::Kept => version.sectors,
                    Fate::Torn => version.sectors & random_sectors(chance),
                };
                medium.copy_sectors(*page, version.page.as_ref(), kept);
                if kept != 0 {
                    let last = u64::from(u8::BITS - kept.leading_zeros());
                    reached.insert(version.write, page * PAGE + last * SECTOR_BYTES as u64);
                }
            }
        }
        for change in &self.lengths {
            let reached = reached.get(&change.write).copied().unwrap_or(0).min(change.len);
            medium.len = match (fates[&change.write], change.kind) {
                (Fate::Lost, _) => medium.len,
                (_, LengthKind::Set) => change.len,
                (Fate::Kept, LengthKind::Grown) => medium.len.max(change.len),
                // The new length may be there while the last sectors are not: they read as zeros.
                (Fate::Torn, LengthKind::Grown) if chance.coin() => medium.len.max(change.len),
                (Fate::Torn, LengthKind::Grown) => medium.len.max(reached),
            };
        }
        medium.forget_past_end();
        Self { cache: medium.clone(), durable: medium, ..Self::default() }
    }

    fn fates(&self, chance: &mut Chance) -> BTreeMap<u64, Fate> {
        let mut fates = BTreeMap::new();
        for version in self.unsynced.values().flatten() {
            fates.entry(version.write).or_insert_with(|| chance.fate());
        }
        for change in &self.lengths {
            let fate = fates.entry(change.write).or_insert_with(|| chance.fate());
            if change.kind == LengthKind::Set && *fate == Fate::Torn {
                *fate = if chance.coin() { Fate::Kept } else { Fate::Lost };
            }
        }
        fates
    }

    fn number_write(&mut self) -> u64 {
        self.next_write += 1;
        self.next_write
    }

    /// Puts bytes (`None` for zeros) into the cache and notes each page's new version.
    fn put(&mut self, write: u64, bytes: Option<&[u8]>, offset: u64, len: usize) {
        for part in parts(offset, len) {
            let bytes = bytes.map(|bytes| &bytes[part.at..part.at + part.len]);
            self.cache.put(&part, bytes);
            let page = self.cache.pages.get(&part.page).cloned();
            let version = Version { write, page, sectors: part.sectors(), abandoned: false };
            self.unsynced.entry(part.page).or_default().push(version);
        }
    }
}

impl Pages {
    fn page_mut(&mut self, page: u64) -> &mut Page {
        Arc::make_mut(self.pages.entry(page).or_insert_with(zeros))
    }

    fn put(&mut self, part: &Part, bytes: Option<&[u8]>) {
        let zero = bytes.is_none_or(|bytes| *bytes == ZEROS[..bytes.len()]);
        if zero && (part.len == PAGE_BYTES || !self.pages.contains_key(&part.page)) {
            self.pages.remove(&part.page);
            return;
        }
        let target = &mut self.page_mut(part.page)[part.start..part.start + part.len];
        match bytes {
            Some(bytes) => target.copy_from_slice(bytes),
            None => target.fill(0),
        }
    }

    fn copy_sectors(&mut self, page: u64, source: Option<&Arc<Page>>, sectors: u8) {
        match (sectors, source) {
            (0, _) => {}
            (u8::MAX, Some(source)) => {
                self.pages.insert(page, Arc::clone(source));
            }
            (u8::MAX, None) => {
                self.pages.remove(&page);
            }
            (_, source) => {
                let source = source.map_or(&ZEROS, |source| source.as_ref());
                let target = self.page_mut(page);
                for sector in (0..PAGE_BYTES / SECTOR_BYTES).filter(|at| sectors & (1 << at) != 0) {
                    let range = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
                    target[range.clone()].copy_from_slice(&source[range]);
                }
            }
        }
    }

    /// What lies past the end reads as zeros if the file grows again.
    fn forget_past_end(&mut self) {
        let (page, start) = (self.len / PAGE, self.len % PAGE);
        self.pages.split_off(&(page + 1));
        if let Some(last) = self.pages.get_mut(&page) {
            let start = usize::try_from(start).expect("less than a page");
            Arc::make_mut(last)[start..].fill(0);
        }
    }
}

static ZEROS: Page = [0; PAGE_BYTES];

fn zeros() -> Arc<Page> {
    Arc::new(ZEROS)
}

fn random_sectors(chance: &mut Chance) -> u8 {
    (0..u8::BITS).fold(0, |sectors, at| sectors | (u8::from(chance.coin()) << at))
}

/// The part of a range that lies in one page.
struct Part {
    page: u64,
    /// Where it begins in the page.
    start: usize,
    /// Where it begins in the range.
    at: usize,
    len: usize,
}

impl Part {
    fn sectors(&self) -> u8 {
        let touched = self.start / SECTOR_BYTES..=(self.start + self.len - 1) / SECTOR_BYTES;
        touched.fold(0, |sectors, sector| sectors | (1 << sector))
    }
}

fn parts(offset: u64, len: usize) -> impl Iterator<Item = Part> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let position = offset + at as u64;
        let start = usize::try_from(position % PAGE).expect("less than a page");
        let part =
            Part { page: position / PAGE, start, at, len: (len - at).min(PAGE_BYTES - start) };
        at += part.len;
        (part.len > 0).then_some(part)
    })
}
