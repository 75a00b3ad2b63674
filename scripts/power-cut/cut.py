"""Makes the disk that a loss of power leaves, from what recorder.py wrote.

usage: cut.py <record> <ledger> <size> flushes
           prints how many flushes there were, and behind which of them the ledger begins
       cut.py <record> <ledger> <size> <flush> <seed> <image> <cut ledger>
           writes the disk as of that flush with a random part of what was written before the next
           one, sector by sector; and what the writer had told by then
"""

import random
import struct
import sys

SECTOR = 512


def entries(path):
    with open(path, "rb") as record:
        while kind := record.read(1):
            if kind == b"F":
                yield None, struct.unpack("<Q", record.read(8))[0]
            else:
                offset, length = struct.unpack("<QI", record.read(12))
                yield offset, record.read(length)


def list_flushes(record):
    told = [value for offset, value in entries(record) if offset is None]
    first = next((number for number, length in enumerate(told) if length > 0), len(told))
    print(len(told), first)


def cut(record, ledger, size, last, seed, image, cut_ledger):
    chance = random.Random(seed)
    # A part of the cuts loses nearly all that was not flushed, a part nearly nothing.
    kept = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])
    disk, flushes, told = bytearray(size), 0, None
    for offset, value in entries(record):
        if offset is None:
            flushes += 1
            if flushes > last:
                told = value
                break
        elif flushes < last:
            disk[offset:offset + len(value)] = value
        else:
            for at in range(0, len(value), SECTOR):
                if chance.random() < kept:
                    disk[offset + at:offset + at + SECTOR] = value[at:at + SECTOR]
    with open(image, "wb") as out:
        for at in range(0, size, 1 << 16):
            piece = disk[at:at + (1 << 16)]
            if any(piece):
                out.seek(at)
                out.write(piece)
        out.truncate(size)
    with open(ledger, "rb") as source, open(cut_ledger, "wb") as out:
        # What was told before the next flush began rests on this flush or an earlier one.
        out.write(source.read(told) if told is not None else source.read())


if __name__ == "__main__":
    record, ledger, size, *rest = sys.argv[1:]
    if rest == ["flushes"]:
        list_flushes(record)
    else:
        last, seed, image, cut_ledger = rest
        cut(record, ledger, int(size), int(last), int(seed), image, cut_ledger)
