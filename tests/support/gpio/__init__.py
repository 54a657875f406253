"""A Raspberry Pi's GPIO for real programs: its kernel interface by ioctls, its registers by writes."""
