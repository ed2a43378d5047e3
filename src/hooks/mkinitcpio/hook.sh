#!/usr/bin/ash

run_hook() {
  /usr/lib/tandem/initramfs arm last
  # init calls this when the root cannot be mounted or has no init. Keep init's own function for a boot that is not counted.
  if /usr/lib/tandem/initramfs counted; then
    launch_interactive_shell() {
      /usr/lib/tandem/initramfs give-up "the initramfs cannot go on, see above"
    }
  fi
}
