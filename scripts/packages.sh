#!/usr/bin/env bash
# Installs the packages that tests, demo and benchmarks need on Debian 12 and similar systems. Unpacks the parts that only
# virtual machines run: a kernel into dist/kernel, OpenRC into dist/openrc. Ends at once when nothing is missing. Without
# root it lists the missing packages.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C DEBIAN_FRONTEND=noninteractive

# A package, and a file or command that shows it is there.
NEEDED="
qemu-system-x86 qemu-system-x86_64
ovmf /usr/share/OVMF/OVMF_CODE_4M.fd
grub-pc-bin /usr/lib/grub/i386-pc/boot.img
grub-efi-amd64-bin /usr/lib/grub/x86_64-efi/normal.mod
grub-common grub-fstest
systemd-boot-efi /usr/lib/systemd/boot/efi/systemd-bootx64.efi
gcc gcc
libc6-dev /usr/include/stdio.h
binutils readelf
busybox-static busybox
musl /lib/ld-musl-x86_64.so.1
mtools mcopy
dosfstools mkfs.vfat
gdisk sgdisk
e2fsprogs debugfs
docker-registry docker-registry
apache2-utils htpasswd
skopeo skopeo
umoci umoci
libarchive-tools bsdtar
libcap2-bin setcap
attr setfattr
tar tar
python3 python3
curl curl
git git
strace strace
cpio cpio
zstd zstd
openssl openssl
initramfs-tools update-initramfs
systemd systemd-analyze
util-linux wdctl
strace strace
dracut-network /usr/lib/dracut/modules.d/40network
kmod depmod
ca-certificates /etc/ssl/certs/ca-certificates.crt
"
KERNEL_META=linux-image-cloud-amd64
OPENRC="openrc librc1 libeinfo1"

is_there() {
  case $1 in
  /*) [ -e "$1" ] ;;
  *) command -v "$1" >/dev/null ;;
  esac
}

missing() {
  local package probe
  while read -r package probe; do
    if [ -n "$package" ] && ! is_there "$probe"; then echo "$package"; fi
  done <<<"$NEEDED"
}

# Runs apt-get. Waits for the locks of other apt processes, which a new machine starts by itself, and repeats failed downloads.
apt() {
  local options="-q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5" said
  SECONDS=0
  # shellcheck disable=SC2086 -- It is a list.
  until said=$(apt-get $options "$@" 2>&1); do
    # The option does not cover the lock of the package lists.
    if [[ $said != *"Could not get lock"* || $SECONDS -gt 600 ]]; then
      printf '%s\n' "$said" >&2
      return 1
    fi
    sleep 5
  done
}

update_once() {
  if [ -z "${updated:-}" ]; then apt update; fi
  updated=yes
}

install_missing() {
  local packages
  packages=$(missing)
  if [ -z "$packages" ]; then return; fi
  if [ "$(id -u)" != 0 ]; then
    echo "Cannot install packages: not root. Run as root: apt-get install --no-install-recommends" $packages >&2
    exit 1
  fi
  echo "Installing" $packages >&2
  update_once
  # shellcheck disable=SC2086 -- It is a list.
  apt -y --no-install-recommends install $packages
  packages=$(missing)
  if [ -n "$packages" ]; then
    echo "Cannot find what should have been installed:" $packages >&2
    exit 1
  fi
}

# The package that the meta package stands for: linux-image-6.1.0-NN-cloud-amd64.
kernel_package() {
  apt-cache depends "$KERNEL_META" 2>/dev/null | sed -n 's/^  Depends: \(linux-image-[0-9].*\)$/\1/p' | head -1
}

download_kernel() {
  local package
  package=$(kernel_package)
  [ -n "$package" ] && apt download "$package"
}

download_openrc() {
  # shellcheck disable=SC2086 -- It is a list.
  apt download $OPENRC
}

# Updates the package lists when a download fails: they may be missing, or name a version that the archive has removed.
# $1: the function that downloads.
download() {
  if "$1" 2>/dev/null; then return; fi
  if [ "$(id -u)" = 0 ]; then
    update_once
    if "$1"; then return; fi
  fi
  echo "Cannot download what virtual machines run ($1): apt knows nothing it can fetch; as root: apt-get update" >&2
  return 1
}

# $1: folder in dist; $2: a file that exists when the folder is complete; $3: the function that downloads.
fetch() {
  if compgen -G "dist/$1/$2" >/dev/null; then return; fi
  local folder package
  folder=$(mktemp -d)
  # shellcheck disable=SC2064 -- The value must be expanded now: the variable does not exist at the end.
  trap "rm -rf '$folder'" EXIT
  (cd "$folder" && download "$3")
  for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$folder/root"; done
  mkdir -p dist
  rm -rf "dist/$1"
  # Other users of this checkout must be able to read the files.
  chmod -R u=rwX,go=rX "$folder/root"
  mv "$folder/root" "dist/$1"
  rm -rf "$folder"
}

install_missing
fetch kernel 'boot/vmlinuz-*' download_kernel
fetch openrc sbin/openrc download_openrc
