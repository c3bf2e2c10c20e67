//! The multiproc family measured against itself and against its peers.
