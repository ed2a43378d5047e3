#!/bin/sh
# The drivers of /etc/initramfs-tools/modules are loaded now, too.
if [ "$1" = prereqs ]; then exit 0; fi
/usr/lib/tandem/initramfs arm last
