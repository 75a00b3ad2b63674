//! Bodies with a file of their own.
//!
//! ```text
//! header    4 KiB   magic "CISTBLOB", format version u32, 4 zeros, store 16 bytes, file id u64,
//!                   zeros, CRC-64 of the 4,088 bytes before it
//! group 0   4 KiB   table: magic "CISTSUMS", file id u64, group u64, chunks u32, bytes of the last
//!                   chunk u32, CRC-64 of each chunk, zeros, CRC-64 of the 4,088 bytes before it
//!           data    up to 496 chunks of 64 KiB, one after the other
//! group 1   as group 0; every group but the last is full, every chunk but the last is 64 KiB
//! ```
//!
//! All numbers are little-endian, all sums CRC-64/NVME. Where a byte lies follows from its place in
//! the body, so that a range is read with one look at a table and one read of the chunks it
//! touches. The body's length is not in the file but in the reference to it: a file of any other
//! length than that asks for is damaged.

mod buffer;
mod layout;
mod reader;
mod writer;

pub(crate) use reader::BlobFileReader;
pub(crate) use writer::BlobFileWriter;

/// Which file: the store it belongs to, and its number there. Both stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobFileId {
    pub(crate) store: [u8; 16],
    pub(crate) file: u64,
}

impl BlobFileId {
    /// The folder of all blob files.
    pub(crate) const FOLDER: &str = "blobs";

    /// The file's name on the device.
    pub(crate) fn name(&self) -> String {
        format!("{}/{:016x}{SUFFIX}", Self::FOLDER, self.file)
    }

    /// The number of the file that is called `name` in [`Self::FOLDER`]; `None` if no blob file is.
    pub(crate) fn parse(name: &str) -> Option<u64> {
        let digits = name.strip_suffix(SUFFIX)?;
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let well_formed = digits.len() == 16 && digits.bytes().all(hex);
        well_formed.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    }
}

const SUFFIX: &str = ".blob";

#[cfg(test)]
mod tests;
