//! The sweeps find nothing in a toy that is right, and find each fault in toys that have one.

mod blocking;
mod kills;
mod manners;
mod pairs;
mod recovery;
mod stops;
mod storm;
mod token;
mod toy;
