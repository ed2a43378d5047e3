#!/bin/sh
# What the stock stage boot.before does once the active system has come this far: the boot counts as good.
grep -q active.img /proc/cmdline || exit 0
state=/run/initramfs/cos-state
mount -o remount,rw $state
{
  printf '# GRUB Environment Block\nenable_boot_assessment=\nboot_assessment_tentative=\n'
  head -c 1024 /dev/zero | tr '\000' '#'
} | head -c 1024 > $state/boot_assessment
sync
mount -o remount,ro $state
