"""The loop: ask, judge, train, record, tell; and confirmation."""
