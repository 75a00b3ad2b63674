//! Whole reads and writes, of files that give and take their bytes in parts.
//!
//! A system call that reads or writes may do less than it was asked to, and may be interrupted
//! before it has done anything. Neither is a failure, and nobody above has to know of it.

use super::DeviceFile;
use std::io::{self, ErrorKind};

impl dyn DeviceFile + '_ {
    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the file ends first; otherwise as the system says.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let len = buffer.len();
        let read = |done: usize, at| self.read_some_at(&mut buffer[done..], at);
        in_parts(len, offset, ErrorKind::UnexpectedEof, read)
    }

    /// Writes all of `bytes` at `offset`, growing the file if need be.
    ///
    /// # Errors
    /// `WriteZero` when no more is taken; otherwise as the system says. How much was written is
    /// unknown then.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let write = |done: usize, at| self.write_some_at(&bytes[done..], at);
        in_parts(bytes.len(), offset, ErrorKind::WriteZero, write)
    }
}

/// Does all `len` bytes, part by part; fails with `at_end` when a part is empty.
fn in_parts(
    len: usize,
    offset: u64,
    at_end: ErrorKind,
    mut part: impl FnMut(usize, u64) -> io::Result<usize>,
) -> io::Result<()> {
    let (mut done, mut interruptions) = (0, 0);
    while done < len {
        match part(done, offset + done as u64) {
            Ok(0) => return Err(at_end.into()),
            Ok(count) => {
                done += count;
                interruptions = 0;
            }
            Err(error)
                if error.kind() == ErrorKind::Interrupted && interruptions < INTERRUPTIONS_MAX =>
            {
                interruptions += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A call that is interrupted so often in a row is not going to be let through.
const INTERRUPTIONS_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Call, Device, Failure, MemoryDevice, OpenMode};
    use std::sync::Arc;

    fn with_file(bytes: &[u8]) -> (MemoryDevice, Arc<dyn DeviceFile>) {
        let device = MemoryDevice::new();
        let file = device.open("log/a", OpenMode::CreateNew).unwrap();
        file.write_at(bytes, 0).unwrap();
        (device, file)
    }

    #[test]
    fn what_comes_in_parts_is_whole_in_the_end() {
        let (device, file) = with_file(&[]);
        device.fail_always(Call::Read, Failure::Part);
        device.fail_always(Call::Write, Failure::Part);
        let bytes: Vec<u8> = (0..100).collect();
        file.write_at(&bytes, 5).unwrap();
        let mut read = [0; 98];
        file.read_at(&mut read, 6).unwrap();
        assert_eq!(&read[..], &bytes[1..99]);
        // 50, 25, 13, 6, 3, 2 and 1; and 49, 25, 12, 6, 3, 2 and 1.
        assert_eq!((device.counts().writes, device.counts().reads), (7, 7));
        assert_eq!(device.counts().partial, 14);
    }

    #[test]
    fn what_is_interrupted_is_done_again() {
        let (device, file) = with_file(b"rain");
        device.fail_nth(Call::Write, 0, Failure::Interrupted);
        device.fail_nth(Call::Read, 0, Failure::Interrupted);
        file.write_at(b"main", 0).unwrap();
        let mut read = [0; 4];
        file.read_at(&mut read, 0).unwrap();
        assert_eq!(&read, b"main");
    }

    #[test]
    fn what_is_interrupted_without_end_fails() {
        let (device, file) = with_file(b"rain");
        device.fail_always(Call::Write, Failure::Interrupted);
        let error = file.write_at(b"main", 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(device.counts().writes, 2 + u64::from(INTERRUPTIONS_MAX));
        assert_eq!(device.contents("log/a").unwrap(), b"rain");
    }

    #[test]
    fn a_part_that_the_end_of_a_file_cuts_off_is_not_a_whole() {
        let (device, file) = with_file(b"rain");
        let error = file.read_at(&mut [0; 3], 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        device.fail_always(Call::Read, Failure::Part);
        let error = file.read_at(&mut [0; 3], 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        file.read_at(&mut [], 9).unwrap();
    }

    #[test]
    fn a_failure_between_two_parts_is_told() {
        let (device, file) = with_file(b"rain");
        device.fail_nth(Call::Write, 0, Failure::Part);
        device.fail_nth(Call::Write, 1, Failure::Io);
        assert_eq!(file.write_at(b"MAIN", 0).unwrap_err().raw_os_error(), Some(5));
        assert_eq!(device.contents("log/a").unwrap(), b"MAin");
    }

    #[test]
    fn a_file_that_takes_nothing_more_is_told() {
        let nothing = |_, _| Ok(0);
        let error = in_parts(1, 0, ErrorKind::WriteZero, nothing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    }
}
