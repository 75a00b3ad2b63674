"""A disk for nbdkit that remembers every write, every flush, and how long the ledger was then.

Parameters: size (bytes), record (file to write), ledger (file whose length is noted).

The record is a row of entries: `W`, offset u64, length u32, the bytes; or `F`, length of the ledger
u64, noted before the flush is answered. What stands between two flushes may reach a disk in any
order, in part, or not at all.
"""

import builtins
import os
import struct

API_VERSION = 2

disk = None
record = None
ledger = None
size = 0


def config(key, value):
    global size, record, ledger
    if key == "size":
        size = int(value)
    elif key == "record":
        record = builtins.open(value, "wb", buffering=1 << 20)
    elif key == "ledger":
        ledger = value
    else:
        raise RuntimeError("unknown parameter " + key)


def config_complete():
    global disk
    disk = bytearray(size)


def thread_model():
    import nbdkit
    return nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS


def open(readonly):
    return 1


def get_size(handle):
    return size


def can_flush(handle):
    return True


def can_fua(handle):
    import nbdkit
    return nbdkit.FUA_EMULATE


def pread(handle, buffer, offset, flags):
    buffer[:] = disk[offset:offset + len(buffer)]


def pwrite(handle, buffer, offset, flags):
    disk[offset:offset + len(buffer)] = buffer
    record.write(b"W" + struct.pack("<QI", offset, len(buffer)))
    record.write(buffer)


def flush(handle, flags):
    told = os.stat(ledger).st_size if os.path.exists(ledger) else 0
    record.write(b"F" + struct.pack("<Q", told))
    record.flush()

