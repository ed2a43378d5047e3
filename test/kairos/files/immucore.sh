#!/bin/busybox sh
# The first process in the initramfs of a test system. Like immucore, it finds the partition of the image, attaches the image to a
# loop device, mounts the file system with the label of root=, and then the partitions of the machine.
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
exec > /dev/ttyS0 2>&1
for module in $(cat /modules/order); do insmod /modules/$module; done
for word in $(cat /proc/cmdline); do
  case $word in
  root=LABEL=*) root_label=${word#root=LABEL=} ;;
  cos-img/filename=*) image=${word#cos-img/filename=} ;;
  rd.cos.oemlabel=*) oem_label=${word#rd.cos.oemlabel=} ;;
  kairos.reset) reset=yes ;;
  upgrade_failure) failure=yes ;;
  esac
done

# All block devices with an ext file system of that label.
labelled() {
  while read -r _ _ blocks device; do
    [ -b "/dev/$device" ] && [ "$blocks" -gt 1 ] || continue
    magic=$(dd if=/dev/$device bs=2 skip=540 count=1 2> /dev/null | hexdump -v -e '1/2 "%04x"')
    label=$(dd if=/dev/$device bs=8 skip=143 count=2 2> /dev/null | tr -d '\000')
    if [ "$magic" = ef53 ] && [ "$label" = "$1" ]; then echo /dev/$device; fi
  done < /proc/partitions
}

# $1: label. Waits up to 10 s for a device with it, and sets device. Fails also when there are several: chance would choose.
wait_for() {
  tries=0
  while device=$(labelled "$1"); [ -z "$device" ] && [ $tries -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  set -- "$1" $device
  [ $# = 2 ] && return
  echo "KAIROS: initrd: $(($# - 1)) file systems have the label $1"
  false
}

# The kernel panics and starts the machine again after the seconds of panic=.
give_up() {
  echo "KAIROS: initrd: cannot mount $1"
  exit 1
}

# The sentinel tells the programs of the system which image was booted.
case $image in
*/active.img) mode=active_mode volume=COS_STATE ;;
*/passive.img) mode=passive_mode volume=COS_STATE ;;
*) mode=recovery_mode volume=COS_RECOVERY ;;
esac
if [ -n "$reset" ]; then mode=autoreset_mode; fi

state=/run/initramfs/cos-state
mkdir -p $state /run/cos
wait_for $volume && mount -t ext4 -o ro $device $state || give_up $volume
loop=$(losetup -f)
losetup $loop $state$image || give_up $image
wait_for $root_label && mount -t ext4 -o ro $device /root || give_up "$root_label"
echo 1 > /run/cos/$mode
if [ -n "$failure" ]; then
  echo 1 > /run/cos/upgrade_failure
  chmod 600 /run/cos/upgrade_failure
fi

# Without these directories the system starts without the partitions of the machine.
if [ -d /root/oem ] && [ -d /root/usr/local ]; then
  wait_for $oem_label && mount -t ext4 $device /root/oem
  wait_for COS_PERSISTENT && mount -t ext4 $device /root/usr/local
else
  echo "KAIROS: initrd: the image has no mount points"
fi
mount -o move /dev /root/dev
mount -o move /run /root/run
umount /sys /proc
exec switch_root /root /sbin/init
