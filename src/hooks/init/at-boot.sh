#!/bin/sh
# Gives the verdict on this boot, for an init system without units.
#
#   at-boot watch   early in the boot: arms the watchdog of a counted boot, and ends the boot when it has no verdict in time
#   at-boot check   when all services are started: runs the checks and gives the verdict
#   at-boot         both
#
# With busybox, in /etc/inittab:  ::once:/usr/lib/tandem/at-boot
# A boot that the boot loader does not count is never ended: a reboot would only start the same system again.
overdue=@OVERDUE_SECONDS@
@THIS_BOOT@

# Reboots without tandem, because tandem could not give the verdict or could not reboot.
give_up() {
  say "slot $slot: $1, rebooting"
  reboot
  sleep 60
  say "slot $slot: still up, rebooting by force"
  sync
  reboot -f || echo b >/proc/sysrq-trigger
}

# tandem writes the id of the boot that has its verdict to this file.
has_verdict() {
  [ -e /run/tandem/verdict ] && [ "$(cat /run/tandem/verdict)" = "$(cat /proc/sys/kernel/random/boot_id)" ]
}

wait_for_verdict() {
  waited=0
  while [ "$waited" -lt "$overdue" ]; do
    if has_verdict; then return; fi
    sleep 5
    waited=$((waited + 5))
  done
  # This command waits while another tandem process, such as an upgrade, works on the disk.
  tandem health --overdue --reboot >/dev/console 2>&1 || give_up "no good verdict within $overdue s"
}

watch() {
  if ! counted; then return; fi
  tandem watchdog arm >/dev/console 2>&1
  wait_for_verdict &
}

check() {
  tandem health --reboot >/dev/console 2>&1
}

if [ -z "$slot" ]; then exit 0; fi
case ${1:-both} in
watch) watch ;;
check) check ;;
both)
  watch
  check
  ;;
*)
  echo "Usage: at-boot [watch|check]" >&2
  exit 2
  ;;
esac
