/* Gives a program the Raspberry Pi that lies in the folder $GPIO_ROOT: preloaded, it leads every look at
 * /dev/gpio*, the device tree and the GPIO parts of /sys into that folder, whatever uses the C library.
 *
 * A chip is a socket there, and so is each line that is taken, as seen by chip.py: an ioctl is a packet,
 * and when the last copy of a descriptor is closed, or its process dies, the other end is told by the kernel.
 *
 * /dev/gpiomem is a file, and each access to its registers is trapped (on x86-64): the page is closed, opened
 * for the one instruction that wants it, and closed again. Writes are appended to $GPIO_ROOT/registers as
 * pairs of 32 bits, register and value; what they do to the pins is done to the file.
 *
 * With $GPIO_PLAIN nothing of that happens, so that a benchmark measures the program and not us: registers are
 * plain memory, and a chip is a file of lines, see plain.h.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define LONGEST 512

static const char *begins[] = {"/dev/gpio", "/dev/mem", "/proc/device-tree", "/proc/cpuinfo", "/sys/firmware/devicetree",
                               "/sys/bus/gpio", "/sys/class/gpio", "/sys/module/pinctrl", "/sys/bus/platform", NULL};
static const char *folders[] = {"/dev", "/dev/", "/sys/module", "/sys/module/", NULL};

/* The path in $GPIO_ROOT that stands for a path of the machine, or the path itself. */
static const char *lead(const char *path, char *place, int listed) {
    const char *root = getenv("GPIO_ROOT");
    int ours = 0;
    if (!root || !path)
        return path;
    for (int i = 0; begins[i]; i++)
        ours |= !strncmp(path, begins[i], strlen(begins[i]));
    for (int i = 0; listed && folders[i]; i++)
        ours |= !strcmp(path, folders[i]);
    if (!ours || snprintf(place, LONGEST, "%s%s", root, path) >= LONGEST)
        return path;
    return place;
}

/* ---- chips: sockets ---- */

static int fail(int code) {
    errno = code;
    return -1;
}

static int open_chip(const char *place, int flags) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int code = EIO, chip = socket(AF_UNIX, SOCK_SEQPACKET | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0), 0);
    if (chip < 0 || strlen(place) >= sizeof address.sun_path)
        return fail(ENAMETOOLONG);
    strcpy(address.sun_path, place);
    if (connect(chip, (struct sockaddr *)&address, sizeof address))
        code = errno == ECONNREFUSED ? ENODEV : errno;
    else if (recv(chip, &code, sizeof code, 0) != sizeof code)
        code = ENODEV;
    if (!code)
        return chip;
    close(chip);
    return fail(code);
}

struct answer {
    int32_t result, code;
    char what[1024];
};

static int ask(int fd, unsigned long request, void *argument) {
    unsigned size = _IOC_SIZE(request);
    char packet[8 + 1024] = {0};
    struct answer answer = {-1, ENODEV, {0}};
    struct iovec part = {&answer, sizeof answer};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } line;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &line, .msg_controllen = sizeof line};
    uint64_t wide = (uint32_t)request;
    memcpy(packet, &wide, 8);
    memcpy(packet + 8, argument, size);
    if (send(fd, packet, 8 + size, MSG_NOSIGNAL) < 0)
        return fail(errno == ENOTSOCK ? ENOTTY : ENODEV);
    if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) < 8)
        return fail(ENODEV);
    if (answer.result < 0)
        return fail(answer.code);
    memcpy(argument, answer.what, size);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS) /* the last field of gpio_v2_line_request is its descriptor */
        memcpy((char *)argument + size - 4, CMSG_DATA(head), 4);
    return answer.result;
}

#include "plain.h"

int ioctl(int fd, unsigned long request, ...) {
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (getenv("GPIO_ROOT") && _IOC_TYPE(request) == 0xB4)
        return plain() ? ask_plain(fd, request, argument) : ask(fd, request, argument);
    int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}

/* ---- /dev/gpiomem: a page of registers ---- */

enum { PAGE = 4096, SET = 0x1C, CLEAR = 0x28, LEVEL = 0x34, LATCH = 0xE00, PULL = 0xE08, OURS = 0xD00 };

static int memory = -1, record = -1;
static char *page;

#ifdef __x86_64__
static unsigned touched;
static int written;

static void levels(void) {
    uint32_t *at = (uint32_t *)page;
    for (int pin = 0; pin < 54; pin++) {
        int out = (at[pin / 10] >> pin % 10 * 3 & 7) == 1, bank = pin / 32;
        uint32_t bit = 1u << pin % 32, source = out ? at[LATCH / 4 + bank] : at[PULL / 4 + bank];
        at[LEVEL / 4 + bank] = (at[LEVEL / 4 + bank] & ~bit) | (source & bit);
    }
}

static void on_fault(int number, siginfo_t *info, void *context) {
    ucontext_t *machine = context;
    char *address = info->si_addr;
    if (!page || address < page || address >= page + OURS) {
        signal(number, SIG_DFL); /* a fault of the program's own: it happens again, without us */
        return;
    }
    touched = (unsigned)(address - page) & ~3u;
    written = machine->uc_mcontext.gregs[REG_ERR] >> 1 & 1;
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
    machine->uc_mcontext.gregs[REG_EFL] |= 0x100; /* after one instruction, on_step */
}

static void on_step(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    ucontext_t *machine = context;
    machine->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
    uint32_t *at = (uint32_t *)page, value = at[touched / 4], bank = touched >> 2 & 1;
    if (written) {
        uint32_t pair[2] = {touched, value};
        if (write(record, pair, sizeof pair) != sizeof pair)
            abort();
        if (touched == SET || touched == SET + 4)
            at[LATCH / 4 + !bank] |= value, at[touched / 4] = 0;
        if (touched == CLEAR || touched == CLEAR + 4)
            at[LATCH / 4 + bank] &= ~value, at[touched / 4] = 0;
        levels();
    }
    mprotect(page, PAGE, PROT_NONE);
}
#endif

static void *map_registers(void *hint, int flags, int fd) {
#ifdef __x86_64__
    void *(*real)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    char place[LONGEST];
    snprintf(place, sizeof place, "%s/registers", getenv("GPIO_ROOT"));
    record = open(place, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    page = real(hint, PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (page == MAP_FAILED || record < 0)
        return MAP_FAILED;
    levels();
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &fault, NULL);
    sigaction(SIGTRAP, &step, NULL);
    mprotect(page, PAGE, PROT_NONE);
    return page;
#else
    (void)hint, (void)flags, (void)fd;
    errno = ENOSYS;
    return MAP_FAILED;
#endif
}

void *mmap(void *hint, size_t size, int rights, int flags, int fd, off_t offset) {
    REAL(mmap);
    if (fd >= 0 && fd == memory && getenv("GPIO_ROOT") && !plain())
        return map_registers(hint, flags, fd);
    return real(hint, size, rights, flags, fd, offset);
}

void *mmap64(void *hint, size_t size, int rights, int flags, int fd, off64_t offset) {
    return mmap(hint, size, rights, flags, fd, offset);
}

/* ---- paths ---- */

static int open_led(const char *place, int flags, mode_t mode, int folder) {
    int (*real)(int, const char *, int, ...) = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
    struct stat what;
    char refused[LONGEST + 8];
    snprintf(refused, sizeof refused, "%s.refused", place); /* root may open everything, so tests say it so */
    if (!lstat(refused, &what))
        return fail(EACCES);
    if (!lstat(place, &what) && S_ISSOCK(what.st_mode))
        return open_chip(place, flags);
    int fd = real(folder, place, flags, mode);
    if (fd >= 0 && strstr(place, "/dev/gpiomem"))
        memory = fd;
    if (fd >= 0 && plain() && strstr(place, "/dev/gpiochip"))
        open_plain(fd);
    return fd;
}

#define OPENED(name, at, ...)                                                                  \
    int name(__VA_ARGS__ const char *path, int flags, ...) {                                   \
        char place[LONGEST];                                                                   \
        va_list more;                                                                          \
        va_start(more, flags);                                                                 \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;              \
        va_end(more);                                                                          \
        return open_led(lead(path, place, flags & O_DIRECTORY), flags, mode, at);              \
    }
OPENED(open, AT_FDCWD, )
OPENED(open64, AT_FDCWD, )
OPENED(openat, folder, int folder, )
OPENED(openat64, folder, int folder, )

#define LED(result, name, listed, parameters, arguments)                                       \
    result name parameters {                                                                   \
        REAL(name);                                                                            \
        char place[LONGEST];                                                                   \
        path = lead(path, place, listed);                                                      \
        return real arguments;                                                                 \
    }
LED(FILE *, fopen, 0, (const char *path, const char *how), (path, how))
LED(FILE *, fopen64, 0, (const char *path, const char *how), (path, how))
LED(DIR *, opendir, 1, (const char *path), (path))
LED(int, access, 0, (const char *path, int how), (path, how))
LED(int, faccessat, 0, (int at, const char *path, int how, int flags), (at, path, how, flags))
LED(int, stat, 0, (const char *path, struct stat *to), (path, to))
LED(int, stat64, 0, (const char *path, struct stat64 *to), (path, to))
LED(int, lstat, 0, (const char *path, struct stat *to), (path, to))
LED(int, lstat64, 0, (const char *path, struct stat64 *to), (path, to))
LED(int, fstatat, 0, (int at, const char *path, struct stat *to, int flags), (at, path, to, flags))
LED(int, fstatat64, 0, (int at, const char *path, struct stat64 *to, int flags), (at, path, to, flags))
LED(ssize_t, readlink, 0, (const char *path, char *to, size_t size), (path, to, size))
