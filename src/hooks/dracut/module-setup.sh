#!/bin/bash
# Adds the files for counted boots to the initramfs.

check() {
  return 0
}

depends() {
  return 0
}

installkernel() {
  instmods '=drivers/watchdog'
}

install() {
  inst_simple /usr/lib/tandem/initramfs
  inst_multiple cat sleep sync
  inst_multiple -o wdctl reboot
  inst_hook pre-trigger 90 "$moddir/arm.sh"
  inst_hook pre-mount 10 "$moddir/arm-last.sh"
  # dracut runs one of the two hooks: which one depends on rd.shell.
  inst_hook emergency 10 "$moddir/give-up.sh"
  inst_hook shutdown-emergency 10 "$moddir/give-up.sh"
}
