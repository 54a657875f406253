"""Stands in for the RPi package: put the folder above on PYTHONPATH."""
