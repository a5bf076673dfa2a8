"""Measurements that take long and whose tables are committed; each is a program of its own; the long ones are resumable."""
