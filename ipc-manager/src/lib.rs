//! Shared objects in a server process, and their proxies. Nothing is here yet; this page says what the crate is for.
//!
//! # Purpose
//!
//! A manager is a process that holds lists, dicts, sets, namespaces, queues and locks for others, which reach them by
//! *proxies*: plain handles that can be cloned, sent, and nested in other managed objects. What it adds to the same idea
//! elsewhere:
//!
//! - updates by functions that run on the server, so that an increment is atomic, and transactions over several objects;
//! - calls with identities, so that the answer to an interrupted call is never given to the next;
//! - locks and references that come back when their client dies, and errors for every call when the server does.
