#!/bin/sh
# dracut sources this before its emergency shell: when a boot fails, at a requested breakpoint, and when a shutdown fails.
if [ "${action:-Boot}" = Boot ] && ! getarg rd.break >/dev/null; then
  /usr/lib/tandem/initramfs give-up "the initramfs cannot go on, see above"
fi
