//! The suite of [`suite`], by every start method.

mod suite;

mod spawn {
    crate::suite::suite!(ipc_process::StartMethod::Spawn);
}
mod fork {
    crate::suite::suite!(ipc_process::StartMethod::Fork);
}
mod forkserver {
    crate::suite::suite!(ipc_process::StartMethod::ForkServer);
}
