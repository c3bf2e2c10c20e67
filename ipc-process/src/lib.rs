//! Processes and pools of the multiproc family: start a function in another process and get its result.
