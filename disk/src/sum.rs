//! Checksums: CRC-64/NVME, and the sum of two parts as one without reading them again.

pub(crate) use cistern_storage_core::checksum::{crc64_nvme as sum, crc64_nvme_combine as combine};
