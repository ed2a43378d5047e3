#!/usr/bin/ash

run_hook() {
  /usr/lib/tandem/initramfs arm last
  # init calls this when the root cannot be mounted or has no init. Its own one is kept where the boot is not counted.
  if /usr/lib/tandem/initramfs counted; then
    launch_interactive_shell() {
      /usr/lib/tandem/initramfs give-up "the initramfs cannot go on, see above"
    }
  fi
}
