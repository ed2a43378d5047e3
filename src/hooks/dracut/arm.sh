#!/bin/sh
/usr/lib/tandem/initramfs arm
