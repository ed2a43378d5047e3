#!/bin/bash
# Puts what a counted boot needs into the initramfs.

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
  # Which of the two runs depends on rd.shell.
  inst_hook emergency 10 "$moddir/give-up.sh"
  inst_hook shutdown-emergency 10 "$moddir/give-up.sh"
}
