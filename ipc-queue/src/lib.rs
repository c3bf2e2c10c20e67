//! Queues of the multiproc family: many processes to many.
