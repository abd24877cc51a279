"""From groups of nodes to steps: kernels with their operands in memory, still for every size."""
