#!/bin/busybox sh
# The first process of the guest of qemu.sh: writes until it is cut off, or judges what is left.
# Its orders are words `name=value` on the kernel's command line.
/bin/busybox --install -s /bin
export PATH=/bin DM_DISABLE_UDEV=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
for order in $(cat /proc/cmdline); do
    case $order in
    mode=* | before=* | after=* | seed=* | threads=* | steps=* | waits=* | ledger=*) eval "$order" ;;
    esac
done
for port in /sys/class/virtio-ports/*; do
    if [ "$(cat "$port/name")" = told ]; then exec 3>"/dev/${port##*/}"; fi
done
sectors=$(cat /sys/block/vda/size)

flakey() { echo "0 $sectors flakey /dev/vda 0 $*"; }

write() { # the block device
    mount -t ext4 "$1" /mnt
    more=
    if [ "$waits" = at-os ]; then more=at-os; fi
    ordeal write /mnt/store "$seed" 0 "$threads" "$steps" $more >&3 &
    echo writing >/dev/console
}

case $mode in
drop)
    dmsetup create store --noudevsync --table "$(flakey 3600 0)"
    write /dev/mapper/store
    usleep $((before * 1000))
    # First: whatever is told in front of this word was on the medium while it still took everything.
    echo cut >&3
    dmsetup suspend --nolockfs --noflush store
    dmsetup load store --table "$(flakey 0 3600 1 drop_writes)"
    dmsetup resume --noudevsync store
    usleep $((after * 1000))
    echo b >/proc/sysrq-trigger
    ;;
kill)
    write /dev/vda
    wait
    ;;
judge)
    head -c "$ledger" /dev/vdb >/ledger
    mount -t ext4 /dev/vda /mnt
    verdict=whole
    # Until the writer had told that it was open there need not be a store.
    if sed '/^cut$/,$d' /ledger | grep -qx opened; then cistern-verify /mnt/store >&3 2>&3 || verdict=lost; fi
    ordeal judge /mnt/store /ledger power-lost "$seed" 0 "$threads" "$steps" >&3 2>&3 || verdict=lost
    umount /mnt || verdict=lost
    echo "$verdict" >&3
    ;;
esac
reboot -f
