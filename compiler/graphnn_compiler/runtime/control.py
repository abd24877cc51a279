"""Layout of the control block that a thread team shares: indices of int64 words."""

JOB, DONE, OWNER, ENTRY, THREADS = 0, 8, 16, 24, 28
FIRST_LINE, LINE_WORDS = 64, 16
PARKED, RESULT, SEMAPHORE = 0, 1, 8

BUSY = -100  # another caller has the team
