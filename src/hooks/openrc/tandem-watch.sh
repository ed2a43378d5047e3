#!/sbin/openrc-run
description="Have a counted boot end that gets no good verdict"

depend() {
  # Optional services. The watchdog may need a driver that they load.
  use sysfs modules
  after sysfs modules
  before *
  keyword -shutdown
}

start() {
  ebegin "Waiting for the verdict on this boot"
  /usr/lib/tandem/at-boot watch
  eend $?
}
