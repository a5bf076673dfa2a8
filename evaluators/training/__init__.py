"""From a job to its evaluations: one network, a stack of them, and the processes in which they train."""
