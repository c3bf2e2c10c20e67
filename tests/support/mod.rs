//! What the tests of several files need that run by every start method.

/// Makes one test for each body and start method, in a process of its own: a body is a function of the method, in the file that says
/// this.
macro_rules! by_every_method {
    ($($name:ident)*) => {
        by_every_method! { fork: StartMethod::Fork; $($name)* }
        by_every_method! { spawn: StartMethod::Spawn; $($name)* }
        by_every_method! { forkserver: StartMethod::ForkServer; $($name)* }
    };
    ($module:ident: $method:expr; $($name:ident)*) => {
        mod $module {
            use super::*;
            $(
                #[test]
                fn $name() {
                    isolated(|| {
                        super::$name($method);
                        // It stays for the next process, and would count as left behind.
                        multiproc::process::stop_forkserver();
                    });
                }
            )*
        }
    };
}
