//! Child processes, watchdog and leak check for the tests of the multiproc family.
