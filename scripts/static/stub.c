/*
 * The loader stub. It is the first code that runs in the packed binary.
 *
 * A compiled Bun program is linked against glibc and names the host's dynamic loader. The packed binary names no loader,
 * so the kernel jumps to the stub. The stub copies the C libraries from the binary into memory files, maps the loader from
 * the binary, and jumps to it in the same way as the kernel. The loader then opens every library as /proc/self/fd/N. So
 * the program uses only the kernel and /proc of the host.
 *
 * No C library, no relocation, no writable data: segment.ts lays out `head` (everything that can be checked is checked at
 * build time), stub.ld fixes the addresses. Only the page with the slots is written to, and it is made read-only again.
 */
typedef unsigned long u64;

/* linux/asm/unistd_64.h, asm-generic/errno.h, asm-generic/mman.h, linux/memfd.h, linux/auxvec.h */
enum { SYS_WRITE = 1, SYS_OPEN = 2, SYS_CLOSE = 3, SYS_MMAP = 9, SYS_MPROTECT = 10, SYS_MADVISE = 28 };
enum { SYS_FCNTL = 72, SYS_EXIT_GROUP = 231, SYS_PRLIMIT64 = 302, SYS_GETRANDOM = 318, SYS_MEMFD_CREATE = 319 };
enum { ENOENT = 2, EBADF = 9, EAGAIN = 11, EINVAL = 22, ENFILE = 23, EMFILE = 24 };
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20, MADV_DONTNEED = 4 };
enum { O_RDWR = 2, O_CLOEXEC = 02000000, F_GETFD = 1, F_SETFD = 2 };
enum { MFD_CLOEXEC = 1, MFD_NOEXEC_SEAL = 8 };
enum { AT_NULL = 0, AT_PHDR = 3, AT_BASE = 7, AT_ENTRY = 9 };
enum { GRND_NONBLOCK = 1, RLIMIT_AS = 9 };
enum { PAGE = 4096, STATUS_CANNOT_START = 127 };

/*
 * Bun reserves gigabytes of address space, and more for each thread. Measured: unpacking crashed with 2 GB, hung with
 * 2.5 GB, and worked with 3 GB for one thread and 4 GiB for four threads.
 */
static const u64 ADDRESS_SPACE_MIN_BYTES = 4ul << 30;

/* Where the loader reads a library's name: its soname in the file, /proc/self/fd/N once it is in descriptor N. */
struct slot {
	char path[28];
	int descriptor;
};

struct library {
	const char *image;
	u64 size_bytes;
	struct slot *slot;
};

/* A PT_LOAD of the dynamic loader. */
struct segment {
	u64 offset_bytes, address, file_bytes, protection;
};

/* Written by head() of segment.ts, in this order. */
extern const struct head {
	u64 program_entry;
	u64 program_headers;
	const char *loader_image;
	u64 loader_memory_bytes, loader_entry, loader_preload, segment_count, library_count;
	struct slot *slots;
	struct segment segments[8];
	struct library libraries[8];
} head;

/*
 * start: the kernel jumps here, with rsp at argc. The loader gets the same data at a lower address, because one variable is
 * added, and rdx = 0: no function to run at exit.
 * loaded: the loader jumps here when all is linked. It closes the descriptors of the memory files and jumps to the program.
 */
__asm__(".section .text.start, \"ax\"\n"
	"start:	mov %rsp, %rdi\n"
	"	sub $16, %rsp\n"
	"	mov %rsp, %rsi\n"
	"	mov %rsp, %rbx\n"
	"	and $-16, %rsp\n"
	"	call prepare\n"
	"	mov %rbx, %rsp\n"
	"	xor %edx, %edx\n"
	"	jmp *%rax\n"
	"loaded: mov %rsp, %rbx\n"
	"	mov %rdx, %rbp\n"
	"	and $-16, %rsp\n"
	"	call close_descriptors\n"
	"	mov %rbp, %rdx\n"
	"	mov %rbx, %rsp\n"
	"	xor %ebp, %ebp\n"
	"	jmp *head\n"
	".globl start, loaded\n"
	".text\n");
extern const char loaded[];

static long call(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = (u64)-1; /* mmap: no file */
	register u64 r9 __asm__("r9") = 0;       /* mmap: no offset */
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static u64 length(const char *text)
{
	u64 count = 0;
	while (text[count])
		count++;
	return count;
}

static void print(const char *text)
{
	call(SYS_WRITE, 2, (u64)text, length(text), 0);
}

static __attribute__((noreturn)) void die(const char *why)
{
	print("tandem: Cannot start: ");
	print(why);
	print("\n");
	for (;;)
		call(SYS_EXIT_GROUP, STATUS_CANNOT_START, 0, 0, 0);
}

static int starts_with(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix)
		text++, prefix++;
	return !*prefix;
}

/*
 * Variables that make Bun, the loader or the C library run foreign code, write files or skip checks. They are removed, also
 * for the program's children. All others stay: proxies, resolver options, locale, time zone.
 */
static int is_forbidden(const char *variable)
{
	static const char *const prefixes[] = { "BUN_", "LD_", "NODE_", "GLIBC_", "GCONV_PATH=", "MALLOC_", "MIMALLOC_" };
	if (starts_with(variable, "NODE_EXTRA_CA_CERTS="))
		return 0;
	for (u64 i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (starts_with(variable, prefixes[i]))
			return 1;
	return 0;
}

/*
 * The last compiler in Bun's engine pays off after minutes. A write lasts seconds: without this compiler it needs a tenth
 * less processor time and 15 MiB less memory. The program removes the variable from the environment of its children.
 */
static const char added_variable[] = "BUN_JSC_useFTLJIT=0";

/*
 * Copies arguments, environment and auxiliary vector from `from` down to `to`. Leaves out the variables to remove and adds
 * one. There is room for two words: one for that variable, one for the alignment of the stack. Returns the auxiliary vector.
 */
static u64 *clean_environment(u64 *from, u64 *to)
{
	for (u64 words = from[0] + 2; words > 0; words--)
		*to++ = *from++;
	for (; *from; from++)
		if (!is_forbidden((const char *)*from))
			*to++ = *from;
	*to++ = (u64)added_variable;
	*to++ = 0;
	u64 *auxiliary = to;
	do {
		*to++ = from[1];
		*to++ = from[2];
		from += 2;
	} while (to[-2] != AT_NULL);
	return auxiliary;
}

static void set_auxiliary(u64 *auxiliary, u64 type, u64 value)
{
	for (; *auxiliary != type; auxiliary += 2)
		if (*auxiliary == AT_NULL)
			die("the kernel gave an incomplete auxiliary vector");
	auxiliary[1] = value;
}

static void protect(u64 address, u64 size_bytes, u64 protection)
{
	u64 start = address & -PAGE;
	if (call(SYS_MPROTECT, start, address + size_bytes - start, protection, 0) < 0)
		die("the kernel refused to change the protection of memory");
}

/*
 * Copies the loader into writable memory. /etc/ld.so.preload would load the host's libraries, which were built for another
 * C library. No variable turns that off, so the file name is made empty in the copy.
 */
static u64 map_loader(void)
{
	u64 base = call(SYS_MMAP, 0, head.loader_memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	if ((long)base < 0 && (long)base > -PAGE)
		die("no memory to map the loader");
	for (u64 i = 0; i < head.segment_count; i++) {
		const struct segment *segment = &head.segments[i];
		void *target = (void *)(base + segment->address);
		const void *source = head.loader_image + segment->offset_bytes;
		u64 count = segment->file_bytes;
		__asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
	}
	*(char *)(base + head.loader_preload) = 0;
	for (u64 i = 0; i < head.segment_count; i++) {
		const struct segment *segment = &head.segments[i];
		protect(base + segment->address, segment->file_bytes, segment->protection);
	}
	return base;
}

static int new_memory_file(const char *name)
{
	/* The seal is asked for because vm.memfd_noexec = 2 demands it; mapping the file executable stays allowed. */
	long descriptor = call(SYS_MEMFD_CREATE, (u64)name, MFD_CLOEXEC | MFD_NOEXEC_SEAL, 0, 0);
	if (descriptor == -EINVAL) /* before Linux 6.3 */
		descriptor = call(SYS_MEMFD_CREATE, (u64)name, MFD_CLOEXEC, 0, 0);
	if (descriptor == -EMFILE || descriptor == -ENFILE)
		die("no file descriptor is free; raise the limit (ulimit -n)");
	if (descriptor < 0)
		die("memfd_create is refused; it needs Linux 4.19 or newer and no seccomp filter against it");
	return descriptor;
}

static void write_path(char *path, unsigned descriptor)
{
	char digits[10];
	u64 count = 0;
	for (const char *prefix = "/proc/self/fd/"; *prefix;)
		*path++ = *prefix++;
	do
		digits[count++] = '0' + descriptor % 10;
	while (descriptor /= 10);
	while (count)
		*path++ = digits[--count];
	*path = 0;
}

static void store(const struct library *library)
{
	int descriptor = new_memory_file(library->slot->path);
	for (u64 done = 0; done < library->size_bytes;) {
		long count = call(SYS_WRITE, descriptor, (u64)library->image + done, library->size_bytes - done, 0);
		if (count <= 0)
			die("no memory for the C library");
		done += count;
	}
	call(SYS_MADVISE, (u64)library->image, library->size_bytes, MADV_DONTNEED, 0); /* 3 MB less resident */
	write_path(library->slot->path, descriptor);
	library->slot->descriptor = descriptor;
}

/* The loader would say less, and say it worse. Done last, so that a descriptor is left for the loader too. */
static void check_reachable(const struct slot *slot)
{
	long descriptor = call(SYS_OPEN, (u64)slot->path, O_CLOEXEC, 0, 0);
	if (descriptor == -EMFILE || descriptor == -ENFILE)
		die("no file descriptor is free; raise the limit (ulimit -n)");
	if (descriptor == -ENOENT)
		die("/proc is not mounted (mount -t proc proc /proc)");
	if (descriptor < 0)
		die("/proc/self/fd cannot be read");
	call(SYS_CLOSE, descriptor, 0, 0, 0);
}

static void check_address_space(void)
{
	struct { u64 soft, hard; } limit = { ~0ul, ~0ul };
	call(SYS_PRLIMIT64, 0, RLIMIT_AS, 0, (u64)&limit);
	if (limit.soft < ADDRESS_SPACE_MIN_BYTES)
		die("the limit on address space is less than 4 GiB; raise it (ulimit -v)");
}

/*
 * In the first seconds of a machine without RDRAND the kernel has no random numbers yet. Bun then reads /dev/urandom, and
 * aborts when it does not exist, as in a bare initramfs. In this case the stub waits: Linux 5.4 and later make entropy on
 * demand.
 */
static void wait_for_entropy(void)
{
	char byte;
	if (call(SYS_GETRANDOM, (u64)&byte, 1, GRND_NONBLOCK, 0) != -EAGAIN)
		return;
	long descriptor = call(SYS_OPEN, (u64)"/dev/urandom", O_CLOEXEC, 0, 0);
	if (descriptor >= 0)
		call(SYS_CLOSE, descriptor, 0, 0, 0);
	else
		call(SYS_GETRANDOM, (u64)&byte, 1, 0, 0);
}

/*
 * For a closed standard stream Bun opens /dev/null, and aborts when it does not exist. Without /dev/console in the initramfs
 * the first processes of a machine have neither streams nor /dev. An empty file in memory replaces the stream.
 */
static void open_standard_streams(void)
{
	for (u64 descriptor = 0; descriptor < 3; descriptor++)
		if (call(SYS_FCNTL, descriptor, F_GETFD, 0, 0) == -EBADF && call(SYS_OPEN, (u64)"/dev/null", O_RDWR, 0, 0) < 0)
			call(SYS_FCNTL, new_memory_file("closed"), F_SETFD, 0, 0);
}

/* Gets all ready and returns where the loader begins. */
__attribute__((used)) u64 prepare(u64 *from, u64 *to)
{
	u64 *auxiliary = clean_environment(from, to);
	check_address_space();
	open_standard_streams();
	wait_for_entropy();
	u64 slots_bytes = head.library_count * sizeof(struct slot);
	protect((u64)head.slots, slots_bytes, PROT_READ | PROT_WRITE);
	for (u64 i = 0; i < head.library_count; i++)
		store(&head.libraries[i]);
	protect((u64)head.slots, slots_bytes, PROT_READ);
	check_reachable(&head.slots[head.library_count - 1]);
	u64 base = map_loader();
	set_auxiliary(auxiliary, AT_BASE, base);
	set_auxiliary(auxiliary, AT_PHDR, head.program_headers);
	set_auxiliary(auxiliary, AT_ENTRY, (u64)loaded);
	return base + head.loader_entry;
}

/* Everything is mapped by now; the numbers are free again for the program and unknown to its children. */
__attribute__((used)) void close_descriptors(void)
{
	for (u64 i = 0; i < head.library_count; i++)
		call(SYS_CLOSE, head.slots[i].descriptor, 0, 0, 0);
}
