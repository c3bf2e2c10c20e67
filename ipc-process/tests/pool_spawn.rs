//! The suite of [`pool`], for pools whose workers run the program again.

mod pool;

pool::suite!(ipc_process::StartMethod::Spawn);
