//! The suite of [`suite`] for a pipe that goes one way.

mod suite;

suite::suite!(ipc_pipe::simplex().map(suite::boxed));
