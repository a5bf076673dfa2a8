"""Measurements that take long and whose tables are committed; each is a program, the long ones resumable."""
