#!/sbin/openrc-run
description="Check this system and give the verdict on this boot"

depend() {
  after *
  keyword -shutdown
}

start() {
  ebegin "Checking this system"
  /usr/lib/tandem/at-boot check
  eend $?
}
