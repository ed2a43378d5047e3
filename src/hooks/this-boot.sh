PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# What the boot loader says of this boot.
slot=
left=
uncounted=
set -f # The words of the command line are no patterns.
for word in $(cat /proc/cmdline); do
  case $word in
  tandem.slot=*) slot=${word#*=} ;;
  tandem.left=*) left=${word#*=} ;;
  # systemd-boot counts, but cannot say how many are left.
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
