//! The log loses nothing to a kill, and the judge of queues finds each fault in queues that have one, and none in others.

mod agreement;
mod broken;
mod correct;
mod log;
mod processes;
mod queues;
mod rules;
mod simulation;
