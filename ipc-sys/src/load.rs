//! Running a function when a program is loaded, before its `main`.
//!
//! # What a port provides
//!
//! A macro [`at_load!`](crate::at_load) that puts the address of a function where the system's loader calls it.
//!
//! # Safety
//!
//! Puts a value into a section of the program that the loader reads.

/// Has `$function`, an `fn()`, called when the program is loaded.
///
/// The function runs on the main thread before `main`, in no defined order with other constructors. The standard
/// library works there, except that it has not yet set up what it sets up for `main`: `SIGPIPE` still ends the
/// process.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static LOADED: AtomicBool = AtomicBool::new(false);
/// fn note() {
///     LOADED.store(true, Ordering::Relaxed);
/// }
/// ipc_sys::at_load!(note);
///
/// assert!(LOADED.load(Ordering::Relaxed));
/// ```
#[macro_export]
macro_rules! at_load {
    ($function:path) => {
        // SAFETY of the attribute: the section holds addresses of functions of this type, and nothing else.
        #[allow(unsafe_code)]
        #[used]
        #[unsafe(link_section = ".init_array.00500")]
        static AT_LOAD: extern "C" fn() = {
            extern "C" fn run() {
                $function();
            }
            run
        };
    };
}
