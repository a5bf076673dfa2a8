"""Cohorts on Ray: joining a cluster, keeping workers there, and handing them work."""
