//! The suite of [`suite`], for processes that run the program again.

mod suite;

suite::suite!(ipc_process::StartMethod::Spawn);
