#!/bin/sh
# What an initramfs does for a boot that the boot loader counts.
#
#   initramfs counted       succeeds when this boot is counted
#   initramfs arm [last]    starts the watchdog; "last": no later call follows, so report a missing watchdog
#   initramfs give-up WHY   prints WHY on the console and reboots, so that the boot loader counts down
#
# In a boot that is not counted nothing is done: a reboot would start the same system again, without end.
#
# In an initramfs of your own, as the first process:
#
#   /usr/lib/tandem/initramfs arm last                      # after the drivers are loaded
#   mount -o ro "$root" /root || /usr/lib/tandem/initramfs give-up "cannot mount $root"
#   [ -x /root/sbin/init ] || /usr/lib/tandem/initramfs give-up "there is no /sbin/init"
#   exec switch_root /root /sbin/init                       # when this fails the kernel panics, and panic=10 reboots
device=@WATCHDOG_DEVICE@
seconds=@WATCHDOG_SECONDS@
# A watchdog with a shorter timeout would reset a system that is only slow.
least=60
# Prints a line on the console.
delay=5
@THIS_BOOT@

# Prints an attribute of the watchdog from sysfs. $1: its name.
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
    say "watchdog $device resets this machine in ${waits:-some} s unless tandem stops it"
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

# $1: the reason. Returns only when this boot is not counted.
give_up() {
  if ! counted; then
    say "slot ${slot:-?}: $1; this boot is not counted, so it is not ended"
    return
  fi
  say "slot $slot: $1; rebooting in $delay s, boots left: $left"
  sleep $delay
  sync
  reboot -f 2>/dev/null || echo b >/proc/sysrq-trigger
  # Wait for the reboot, so that the init does nothing else.
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
