PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# Read what the boot loader has put on the kernel command line.
slot=
left=
uncounted=
set -f # Do not expand patterns in the command line.
for word in $(cat /proc/cmdline); do
  case $word in
  tandem.slot=*) slot=${word#*=} ;;
  tandem.left=*) left=${word#*=} ;;
  # systemd-boot counts, but does not pass on how many boots are left.
  tandem.counted) left=${left:-some} ;;
  tandem.uncounted) uncounted=yes ;;
  esac
done

counted() {
  [ -n "$slot" ] && [ -n "$left" ] && [ -z "$uncounted" ]
}

say() {
  echo "tandem: $*" >/dev/console
}
