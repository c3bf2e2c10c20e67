//! Shared objects in a server process, and their proxies.
