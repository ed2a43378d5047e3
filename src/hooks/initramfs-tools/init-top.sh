#!/bin/sh
# As early as there may be a watchdog: udev has loaded what it found.
if [ "$1" = prereqs ]; then
  echo udev
  exit 0
fi
/usr/lib/tandem/initramfs arm
