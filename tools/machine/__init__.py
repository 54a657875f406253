"""Machines to try domo on: a Raspberry Pi in QEMU (`make pi`), an armhf Debian (`make armhf`)."""
