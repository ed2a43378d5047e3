#!/sbin/openrc-run
description="Have a counted boot end that gets no good verdict"

depend() {
  need sysfs
  before *
  keyword -shutdown
}

start() {
  ebegin "Waiting for the verdict on this boot"
  /usr/lib/tandem/at-boot watch
  eend $?
}
