#!/bin/sh
# What an initramfs does for a boot that the boot loader counts.
#
#   initramfs counted       whether this boot is counted
#   initramfs arm [last]    starts the watchdog; "last": there will be no later call, so a missing one is worth a line
#   initramfs give-up WHY   says why on the console and reboots, so that the count leads on
#
# A boot that is not counted is left as it is: rebooting would only start the same system again, for ever.
#
# In an initramfs of your own, as the first process:
#
#   /usr/lib/tandem/initramfs arm last                      # after the drivers are loaded
#   mount -o ro "$root" /root || /usr/lib/tandem/initramfs give-up "cannot mount $root"
#   [ -x /root/sbin/init ] || /usr/lib/tandem/initramfs give-up "there is no /sbin/init"
#   exec switch_root /root /sbin/init                       # when this fails the kernel panics, and panic=10 reboots
device=@WATCHDOG_DEVICE@
seconds=@WATCHDOG_SECONDS@
# A watchdog that waits less than this would reset a system that is only slow.
least=60
# For whoever reads the console.
delay=5
@THIS_BOOT@

# $1: attribute of the watchdog.
about() {
  name=${device##*/}
  if [ "$name" = watchdog ]; then name=watchdog0; fi
  cat "/sys/class/watchdog/$name/$1" 2>/dev/null
}

# Closing the device without writing a V to it leaves it running.
start_watchdog() {
  if command -v wdctl >/dev/null; then wdctl -s "$seconds" "$device" >/dev/null 2>&1; fi
  waits=$(about timeout)
  if [ -n "$waits" ] && [ "$waits" -lt $least ]; then
    say "no watchdog yet: $device waits only $waits s, continuing"
  elif : >"$device"; then
    say "watchdog $device resets this machine in ${waits:-some} s unless it is told otherwise"
  fi
}

# $1: "last" or nothing.
arm() {
  if ! counted || [ "$seconds" = 0 ] || [ "$(about state)" = active ]; then return; fi
  if [ ! -c "$device" ]; then
    if [ "$1" = last ]; then say "no watchdog: there is no $device, continuing"; fi
  elif [ "$(about nowayout)" = 1 ]; then
    say "no watchdog: $device could not be stopped again, continuing"
  else
    start_watchdog
  fi
}

# $1: why. Comes back only when this boot is not counted.
give_up() {
  if ! counted; then
    say "slot ${slot:-?}: $1; this boot is not counted, so it is not ended"
    return
  fi
  say "slot $slot: $1; rebooting in $delay s, boots left: $left"
  sleep $delay
  sync
  reboot -f 2>/dev/null || echo b >/proc/sysrq-trigger
  # The reboot is under way: nothing else may happen meanwhile.
  sleep 60
}

case $1 in
counted) counted ;;
arm) arm "${2:-}" ;;
give-up) give_up "${2:-it cannot go on}" ;;
*)
  echo "Usage: initramfs counted | arm [last] | give-up WHY" >&2
  exit 2
  ;;
esac
