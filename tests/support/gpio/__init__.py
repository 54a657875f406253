"""A Raspberry Pi's GPIO for real programs: its kernel interface ioctl by ioctl, its registers write by write."""
