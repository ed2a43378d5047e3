/** What kairos-agent prints when it is asked for help and there is no original. */
export const AGENT_HELP: string = [
  "tandem in the place of kairos-agent. It passes every other verb to Kairos' own program when that is installed.",
  "",
  "Usage: kairos-agent [--debug] [--strict-validation] VERB [FLAGS] [WORDS]",
  "",
  "Verbs:",
  "  upgrade         Write an image and try it at the next boot",
  "                  --source oci:|dir:|file:|ocifile:ADDRESS, --recovery,",
  "                  --exclude-path PATH, --allow-insecure-registries, --debug",
  "  upgrade list-releases",
  "                  Print images to upgrade to; --registry REGISTRY, --all, --pre",
  "  state get KEY   Print a part of the state: boot, uuid, oem.found, kairos.version, ...",
  "  config get KEY  Print a part of the merged configuration; config prints all of it",
  "  bootentry       Print the boot entries; --select NAME chooses that of the next boot",
  "  grubedit        Print the variables of /oem/grubenv; grubedit set KEY=VALUE changes one",
  "  pull-image      Unpack an image into a folder; IMAGE FOLDER, --platform OS/ARCH
  uuid            Print the name of this machine",
  "  version         Print the version of tandem; --long",
  "",
].join("\n");
