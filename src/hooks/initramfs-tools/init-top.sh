#!/bin/sh
# Runs as early as a watchdog can exist: udev has loaded the drivers of the devices that it found.
if [ "$1" = prereqs ]; then
  echo udev
  exit 0
fi
/usr/lib/tandem/initramfs arm
