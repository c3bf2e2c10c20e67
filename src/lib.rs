//! Processes, pools, queues, pipes and shared memory in the shape of Python's `multiprocessing`.
