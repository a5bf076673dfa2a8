"""Watchers that write a campaign down for other tools: one file each, registered by name."""
