#!/bin/sh
# The first process of a test system. It reports the system on the serial console, and then runs the lines that are typed there.
export PATH=/usr/bin:/usr/sbin HOME=/run
exec < /dev/ttyS0 > /dev/ttyS0 2>&1
stty -echo
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /tmp
for word in $(cat /proc/cmdline); do
  case $word in cos-img/filename=*) image=${word#cos-img/filename=} ;; esac
done
. /etc/kairos-release
mounts=$(grep -c -E '^/dev/[^ ]+ (/oem|/usr/local) ext4 rw' /proc/mounts)
echo "KAIROS: image=$image version=$KAIROS_VERSION sentinels=$(echo $(ls /run/cos) | tr ' ' ,) partitions=$mounts"
if [ -e /etc/at-boot ]; then
  sh /etc/at-boot
  echo "E2E: ready"
fi
while read -r line; do
  eval "$line"
  printf '\nE2E: status %s\n' $?
done
