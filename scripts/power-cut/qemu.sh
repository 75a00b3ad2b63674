#!/usr/bin/env bash
# Cuts the power of a virtual machine that writes to a store, starts it again, and checks what the
# store has kept. What is real: the whole kernel, its cache and its file system, our binaries.
#
# usage: qemu.sh <folder of our binaries> [cuts] [seed]
#
# The folder holds `ordeal` and `cistern-verify`. Uses KVM where it can. Needs from Debian
# qemu-system-x86 busybox-static dmsetup cpio e2fsprogs; the kernel of the guest is fetched with
# apt-get and not installed. No root. Prints a line a cut, then a line a control; ends with failure at
# the first store that lost something, and keeps its disk.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binaries=$(realpath "$1")
cuts=${2:-20}
seed=${3:-1}
controls=4
threads=4
steps=1000000
disk_bytes=$((256 << 20))
memory_mb=512
# The writer works at most so long before a cut, and so long behind one that it does not feel.
before_ms_max=1500
after_ms_max=300
guest_seconds_max=120
# A processor that is emulated is slow, and good enough. One without extensions for guests may have a
# /dev/kvm all the same, on which only kernels made for it run.
accelerator=kvm
if [ ! -w /dev/kvm ] || ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
    accelerator=tcg
    before_ms_max=$((before_ms_max * 4))
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/cistern-power-cut.XXXXXX")
guest=
finish() { if [ -n "$guest" ]; then kill -9 "$guest" 2>/dev/null || true; fi; }
trap finish EXIT

fail() {
    echo "$*; see $work" >&2
    exit 1
}

dice() { echo $(((RANDOM * 32768 + RANDOM) % $1)); }

# --- the guest -----------------------------------------------------------------------------------

fetch_kernel() {
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
    [ -n "$package" ] || fail "apt-get does not know a kernel for the guest: run apt-get update"
    mkdir "$work/kernel"
    (cd "$work/kernel" && apt-get download -qq "$package" 2>/dev/null && dpkg-deb -x ./*.deb .)
    modules=$(echo "$work"/kernel/lib/modules/*)
    release=${modules##*/}
}

# Copies a module and those that it needs, those first, and notes the order. One that is not there is
# built into the kernel.
add_module() { # its name
    local name=${1//-/_} file needed
    case " $added " in *" $name "*) return ;; esac
    added="$added $name"
    file=$(find "$modules" -name "${name//_/?}.ko" | head -1)
    [ -n "$file" ] || return 0
    needed=$(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p' | tr ',' ' ')
    for each in $needed; do add_module "$each"; done
    cp "$file" "$root/modules/$name.ko"
    echo "$name.ko" >>"$root/modules/order"
}

add_program() { # its path
    local to="$root/bin/${1##*/}"
    cp -L "$1" "$to"
    strip "$to" 2>/dev/null || true
    for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
        mkdir -p "$root${library%/*}"
        cp -L "$library" "$root$library"
    done
}

make_guest() {
    root=$work/root
    added=
    mkdir -p "$root"/{bin,dev,proc,sys,mnt,modules}
    cp -L "$(command -v busybox)" "$root/bin/busybox"
    add_program "$(command -v dmsetup)"
    add_program "$binaries/ordeal"
    add_program "$binaries/cistern-verify"
    for each in virtio_pci virtio_blk virtio_console ext4 crc32c_generic crc32c_intel dm-mod dm-flakey; do
        add_module "$each"
    done
    cp "$here/guest-init.sh" "$root/init"
    chmod +x "$root/init"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initramfs"
}

# Starts a guest that finds its orders on the kernel's command line and talks into the file `told`.
start_guest() { # orders, the file `told`, more arguments for QEMU
    local orders=$1 told=$2
    shift 2
    rm -f "$work/console" "$told"
    qemu-system-x86_64 -machine "accel=$accelerator" -cpu max -smp 2 -m "$memory_mb" \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$work/kernel/boot/vmlinuz-$release" -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet panic=-1 no_timer_check $orders" \
        -serial "file:$work/console" -device virtio-serial-pci \
        -chardev "file,id=told,path=$told" -device virtserialport,chardev=told,name=told \
        -drive "file=$work/disk,format=raw,if=virtio,cache=none" "$@" 2>"$work/qemu-errors" &
    guest=$!
}

wait_for_guest() {
    local began=$SECONDS
    while kill -0 "$guest" 2>/dev/null; do
        [ $((SECONDS - began)) -lt "$guest_seconds_max" ] || fail "the guest does not come to an end"
        sleep 0.05
    done
    wait "$guest" || true
    guest=
}

# --- a cut ---------------------------------------------------------------------------------------

# The medium drops what it is given from some moment on, and says that all is well; then the guest is
# reset. The guest does both.
cut_by_drop() { # milliseconds before, the orders of the writer
    start_guest "mode=drop before=$1 after=$(dice $after_ms_max) $2" "$work/told"
    wait_for_guest
    grep -qx cut "$work/told" || fail "the guest was not cut"
}

# QEMU is killed: what it has not been given, or has not done, is lost.
cut_by_kill() { # milliseconds before, the orders of the writer
    local began=$SECONDS
    start_guest "mode=kill $2" "$work/told"
    until grep -q writing "$work/console" 2>/dev/null; do
        kill -0 "$guest" 2>/dev/null || fail "the guest does not start"
        [ $((SECONDS - began)) -lt "$guest_seconds_max" ] || fail "the guest does not start"
        sleep 0.005
    done
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
    kill -9 "$guest"
    wait "$guest" 2>/dev/null || true
    guest=
}

# Starts a guest on what is left, and prints what it says of it; the last word is `whole` or `lost`.
judge() { # the seed
    local bytes
    bytes=$(stat -c %s "$work/told")
    cp "$work/told" "$work/ledger"
    truncate -s $(((bytes / 512 + 1) * 512)) "$work/ledger"
    start_guest "mode=judge ledger=$bytes seed=$1 threads=$threads steps=$steps" "$work/verdict" \
        -drive "file=$work/ledger,format=raw,if=virtio,readonly=on"
    wait_for_guest
    grep -qxE 'whole|lost' "$work/verdict" || fail "the guest gave no verdict"
}

# One in five is cut while the store is being made.
draw_before() {
    if [ "$(dice 5)" = 0 ]; then dice 60; else dice $before_ms_max; fi
}

one_cut() { # way, seed, milliseconds before, `at-os` for a writer that waits for nothing
    truncate -s 0 "$work/disk"
    truncate -s "$disk_bytes" "$work/disk"
    mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$work/disk"
    "cut_by_$1" "$3" "seed=$2 threads=$threads steps=$steps waits=${4:-as-planned}"
    if [ "${4:-}" = at-os ]; then sed -i 's/^done /synced /' "$work/told"; fi
    judge "$2"
}

command -v qemu-system-x86_64 busybox dmsetup cpio mkfs.ext4 strip >/dev/null ||
    fail "something is missing: apt-get install --no-install-recommends qemu-system-x86 busybox-static dmsetup cpio e2fsprogs binutils"
fetch_kernel
make_guest
echo "kernel $release, $(qemu-system-x86_64 --version | head -1), $accelerator, seed $seed"
RANDOM=$seed
told_in_all=0
for number in $(seq "$cuts"); do
    way=drop
    if [ $((number % 2)) = 0 ]; then way=kill; fi
    before=$(draw_before)
    one_cut "$way" $((seed * 1000 + number)) "$before"
    told=$(sed '/^cut$/,$d' "$work/told" | grep -c '^synced\|^done' || true)
    told_in_all=$((told_in_all + told))
    line="cut $number: $way after $before ms, $told steps told"
    if ! grep -qx whole "$work/verdict"; then
        cat "$work/verdict" >&2
        fail "$line: LOST"
    fi
    echo "$line: whole, $(grep damaged "$work/verdict" || echo "nothing there yet")"
done
echo "$cuts cuts, $told_in_all steps told: no store lost anything"

# A writer that waits for nothing and is judged as if it did: it must be found out.
for number in $(seq "$controls"); do
    way=drop
    if [ $((number % 2)) = 0 ]; then way=kill; fi
    one_cut "$way" $((seed * 1000 + 500 + number)) $((before_ms_max / 2 + $(dice $before_ms_max))) at-os
    if grep -qx whole "$work/verdict"; then fail "control $number, $way: NOT FOUND OUT"; fi
    echo "control $number: $way, found out: $(grep -vx -m 1 'lost\|note: .*\|.* 0 damaged places' "$work/verdict" | cut -c 1-160)"
done
rm -rf "$work"
