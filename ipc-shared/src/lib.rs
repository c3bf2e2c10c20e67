//! Shared memory of the multiproc family and what lives in it.
