"""Measurements that take long and whose tables are committed; each is a program of its own and resumable."""
