"""Layout of the control block that a thread team shares: indices of int64 words."""

JOB, DONE, OWNER, ENTRY, THREADS, CORE = 0, 8, 16, 24, 28, 29
FIRST_LINE, LINE_WORDS = 64, 32
PARKED, RESULT, SEMAPHORE, CORES = 0, 1, 8, 16

BUSY = -100  # another caller has the team
