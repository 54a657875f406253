/* A chip for benchmarks, part of shim.c: a file of lines in memory that processes share. Each ioctl is answered
 * within the process, and costs one system call, as on a Pi; what a kernel does for it is not in it. */
#include <linux/gpio.h>
#include <sys/syscall.h>

struct plain_chip { /* pi.py writes it */
    char label[32];
    uint32_t lines;
    struct {
        uint32_t output, level;
    } line[64];
};

static struct plain_chip *chip;
static unsigned char line_of[1024]; /* by descriptor: the line that it holds, and 1 */

static int plain(void) {
    return getenv("GPIO_PLAIN") != NULL;
}

static void open_plain(int fd) {
    void *(*real)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    chip = real(NULL, sizeof *chip, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (chip == MAP_FAILED)
        chip = NULL;
}

static void put_plain(unsigned line, struct gpio_v2_line_config *config) {
    if (config->flags & GPIO_V2_LINE_FLAG_OUTPUT) {
        chip->line[line].level = config->num_attrs ? config->attrs[0].attr.values & 1 : 0;
        chip->line[line].output = 1;
    } else if (config->flags & GPIO_V2_LINE_FLAG_INPUT)
        chip->line[line].output = 0;
}

static int ask_plain(int fd, unsigned long request, void *argument) {
    if (!chip)
        return fail(ENODEV);
    if (request == GPIO_V2_GET_LINE_IOCTL) {
        struct gpio_v2_line_request *asked = argument;
        int line = dup(fd);
        if (asked->num_lines != 1 || asked->offsets[0] >= chip->lines || line < 0 || line >= 1024)
            return fail(EINVAL);
        line_of[line] = asked->offsets[0] + 1;
        put_plain(asked->offsets[0], &asked->config);
        asked->fd = line;
        return 0;
    }
    syscall(SYS_getppid);
    if (request == GPIO_GET_CHIPINFO_IOCTL) {
        struct gpiochip_info *info = argument;
        strcpy(info->name, "gpiochip0");
        memcpy(info->label, chip->label, sizeof info->label);
        info->lines = chip->lines;
        return 0;
    }
    if (request == GPIO_V2_GET_LINEINFO_IOCTL) {
        struct gpio_v2_line_info *info = argument;
        info->flags = chip->line[info->offset].output ? GPIO_V2_LINE_FLAG_OUTPUT : GPIO_V2_LINE_FLAG_INPUT;
        return 0;
    }
    if (!line_of[fd])
        return fail(EINVAL);
    if (request == GPIO_V2_LINE_SET_CONFIG_IOCTL)
        put_plain(line_of[fd] - 1, argument);
    else if (request == GPIO_V2_LINE_GET_VALUES_IOCTL)
        ((struct gpio_v2_line_values *)argument)->bits = chip->line[line_of[fd] - 1].level;
    else if (request == GPIO_V2_LINE_SET_VALUES_IOCTL)
        chip->line[line_of[fd] - 1].level = ((struct gpio_v2_line_values *)argument)->bits & 1;
    else
        return fail(EINVAL);
    return 0;
}
