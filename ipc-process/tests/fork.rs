//! The suite of [`suite`], for processes that are copies of their parent.

mod suite;

suite::suite!(ipc_process::StartMethod::Fork);
