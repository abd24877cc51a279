"""Layout of a program table: a row is 8 int64 words, one instruction."""

ROW_WORDS, ROW_BYTES = 8, 64
KERNEL, DIMS, BUFS, COUNT, STRIDES, FLAGS, ID = range(7)  # ID: what an error calls the row

# Flags.
PARALLEL = 1  # every thread calls the kernel; without it only thread 0 does, as (0, 1)
BARRIER = 2  # nobody goes on before all are done
GUARD = 4  # a barrier, after which the step is abandoned if the stop flag is set or any thread has an error
