#!/usr/bin/env bash
# Cuts the power of a disk after any flush, with a random part of what was written since, and checks
# what the store on it has kept. What is real: the file system, the kernel's cache, our binary.
#
# usage: block-recorder.sh <ordeal binary> [cases] [seed]
#
# Needs root, loop devices, FUSE, and from Debian: nbdkit nbdkit-plugin-python libnbd-bin fuse3
# e2fsprogs. Prints a line a case; ends with failure at the first store that lost something, and
# keeps its disk.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ordeal=$(realpath "$1")
cases=${2:-20}
seed=${3:-1}
size=$((192 << 20))
threads=4
steps=40

work=$(mktemp -d)
loop=
finish() {
    if mountpoint -q "$work/mount"; then umount "$work/mount"; fi
    if [ -n "$loop" ]; then losetup -d "$loop" || true; fi
    if mountpoint -q "$work/nbd"; then fusermount3 -u "$work/nbd"; fi
}
trap finish EXIT
mkdir "$work/nbd" "$work/mount"
record=$work/record
ledger=$work/ledger

nbdfuse "$work/nbd" [ nbdkit -f python "$here/recorder.py" \
    size=$size "record=$record" "ledger=$ledger" ] &
for _ in $(seq 100); do
    if [ -e "$work/nbd/nbd" ]; then break; fi
    sleep 0.1
done
loop=$(losetup --find --show "$work/nbd/nbd")
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$loop"
mount "$loop" "$work/mount"
"$ordeal" write "$work/mount/store" "$seed" 0 $threads $steps >"$ledger"
umount "$work/mount"
losetup -d "$loop"
loop=
fusermount3 -u "$work/nbd"
wait

told=$(wc -l <"$ledger")
read -r flushes first < <(python3 "$here/cut.py" "$record" "$ledger" $size flushes)
echo "$told lines told, $flushes flushes, the first told line behind flush $first, seed $seed"
RANDOM=$seed
for case in $(seq "$cases"); do
    # Some cuts come before anything was told: while the store is being made.
    at=$((first / 2 + (RANDOM * 32768 + RANDOM) % (flushes - first / 2)))
    python3 "$here/cut.py" "$record" "$ledger" $size $at "$case" "$work/cut" "$work/cut-ledger"
    loop=$(losetup --find --show "$work/cut")
    mount "$loop" "$work/mount"
    if ! "$ordeal" judge "$work/mount/store" "$work/cut-ledger" power-lost \
        "$seed" 0 $threads $steps; then
        echo "case $case, cut after flush $at: LOST; see $work"
        exit 1
    fi
    umount "$work/mount"
    losetup -d "$loop"
    loop=
    echo "case $case: cut after flush $at, $(wc -l <"$work/cut-ledger") lines told: whole"
done
rm -rf "$work"
