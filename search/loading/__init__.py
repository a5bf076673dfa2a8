"""From a configuration or a run to what runs: tasks, extensions, executors."""
