/** What kairos-agent prints when it is asked for help and there is no original. */
export const AGENT_HELP: string = [
  "tandem in the place of kairos-agent. It passes every other verb to Kairos' own program when that is installed.",
  "",
  "Usage: kairos-agent [--debug] [--strict-validation] VERB [FLAGS] [WORDS]",
  "",
  "Verbs:",
  "  upgrade        Check the command line, then run the upgrade of Kairos' own program",
  "                 --source oci:|dir:|file:|ocifile:ADDRESS, --recovery, --boot-entry NAME,",
  "                 --exclude-path PATH, --allow-insecure-registries, --debug",
  "  state get KEY  boot, in_ram, kairos.flavor, kairos.version, oem.found, oem.name",
  "  version        Print the version of tandem; --long",
  "",
].join("\n");
