#!/sbin/openrc-run
description="Have a counted boot end that gets no good verdict"

depend() {
  # Where they are there at all; the watchdog may need its driver.
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
