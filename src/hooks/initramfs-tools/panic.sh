#!/bin/sh
# Before the shell that initramfs-tools ends in. With panic= on the command line it reboots by itself instead.
if [ "$1" = prereqs ]; then exit 0; fi
/usr/lib/tandem/initramfs give-up "the initramfs cannot go on, see above"
