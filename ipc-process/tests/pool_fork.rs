//! The suite of [`pool`], for pools whose workers are copies of the process that made the pool.

mod pool;

pool::suite!(ipc_process::StartMethod::Fork);
