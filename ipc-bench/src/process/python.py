"""Process of multiprocessing: start and join of an empty function. A line read is one of them, a line written its time in ns."""

import multiprocessing
import sys
import time

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    for _ in sys.stdin:
        begin = time.perf_counter_ns()
        process = context.Process()
        process.start()
        process.join()
        print(time.perf_counter_ns() - begin, flush=True)
        if process.exitcode != 0:
            sys.exit(1)
