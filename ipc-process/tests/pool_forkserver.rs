//! The suite of [`pool`], for pools whose workers are forked by a server.

mod pool;

pool::suite!(ipc_process::StartMethod::ForkServer);
