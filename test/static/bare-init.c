/*
 * bare-init: the first process of a machine that has nothing else: no shell, no library. It mounts what the kernel offers, loads the
 * modules named in /modules/order, brings up QEMU's user network, runs each line of /commands and says how it ended, and
 * switches the machine off. Linked statically.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_BYTES = 512, WORDS_MAX = 32 };

static void check(int result, const char *what)
{
	if (result < 0)
		perror(what);
}

static void load_modules(void)
{
	char name[LINE_BYTES], path[LINE_BYTES + 16];
	FILE *order = fopen("/modules/order", "r");
	while (order && fgets(name, sizeof name, order)) {
		name[strcspn(name, "\n")] = 0;
		snprintf(path, sizeof path, "/modules/%s", name);
		int file = open(path, O_RDONLY | O_CLOEXEC);
		check(syscall(SYS_finit_module, file, "", 0), path);
		close(file);
	}
}

static void set_address(struct sockaddr *target, const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	inet_aton(address, &in.sin_addr);
	memcpy(target, &in, sizeof in);
}

static void bring_up(int wire, const char *name, const char *address, const char *mask)
{
	struct ifreq request = { 0 };
	strcpy(request.ifr_name, name);
	set_address(&request.ifr_addr, address);
	check(ioctl(wire, SIOCSIFADDR, &request), name);
	set_address(&request.ifr_netmask, mask);
	check(ioctl(wire, SIOCSIFNETMASK, &request), name);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	check(ioctl(wire, SIOCSIFFLAGS, &request), name);
}

static void bring_up_network(void)
{
	int wire = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	bring_up(wire, "lo", "127.0.0.1", "255.0.0.0");
	bring_up(wire, "eth0", "10.0.2.15", "255.255.255.0");
	set_address(&route.rt_dst, "0.0.0.0");
	set_address(&route.rt_genmask, "0.0.0.0");
	set_address(&route.rt_gateway, "10.0.2.2");
	check(ioctl(wire, SIOCADDRT, &route), "route");
	close(wire);
}

/* The environment is empty: PATH, HOME and all. */
static int run(char *line)
{
	char *words[WORDS_MAX + 1] = { 0 }, *none[] = { 0 };
	int count = 0, status = -1;
	for (char *word = strtok(line, " "); word && count < WORDS_MAX; word = strtok(0, " "))
		words[count++] = word;
	pid_t child = fork();
	if (child == 0) {
		execve(words[0], words, none);
		perror(words[0]);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	char line[LINE_BYTES];
	setvbuf(stdout, 0, _IONBF, 0);
	check(mount("proc", "/proc", "proc", 0, 0), "/proc");
	check(mount("sysfs", "/sys", "sysfs", 0, 0), "/sys");
	check(mount("devtmpfs", "/dev", "devtmpfs", 0, 0), "/dev");
	load_modules();
	bring_up_network();
	FILE *commands = fopen("/commands", "r");
	while (commands && fgets(line, sizeof line, commands)) {
		line[strcspn(line, "\n")] = 0;
		printf("run: %s\n", line);
		printf("status: %d\n", run(line));
	}
	reboot(RB_POWER_OFF);
	return 1;
}
