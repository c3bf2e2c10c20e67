//! Every call to the operating system that the multiproc family makes: owned handles, mappings, waits, processes.

pub mod handle;
