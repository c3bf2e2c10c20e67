//! What goes wrong in a child before its function is called.
//!
//! # Safety
//!
//! Puts a function where the loader calls it, before those of the family, which have no number.
#![allow(unsafe_code)]

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Has the process exit with this code before anything of the family runs.
pub(crate) const VARIABLE: &str = "IPC_PROCESS_TEST_EXIT_EARLY";

#[used]
#[unsafe(link_section = ".init_array.00200")]
static EXIT_EARLY: extern "C" fn() = exit_early;

extern "C" fn exit_early() {
    if let Some(code) = std::env::var(VARIABLE).ok().and_then(|code| code.parse().ok()) {
        ipc_sys::process::exit_now(code);
    }
}

#[derive(Serialize)]
pub(crate) struct PanicsOnArrival;

impl<'de> Deserialize<'de> for PanicsOnArrival {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("never arrived")
    }
}

#[derive(Serialize)]
pub(crate) struct RefusesOnArrival;

impl<'de> Deserialize<'de> for RefusesOnArrival {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("not welcome"))
    }
}
