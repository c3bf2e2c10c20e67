//! Pipes of typed messages between processes, with an exact end of file.
