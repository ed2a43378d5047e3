#!/bin/sh
# Runs after the drivers of /etc/initramfs-tools/modules are loaded.
if [ "$1" = prereqs ]; then exit 0; fi
/usr/lib/tandem/initramfs arm last
