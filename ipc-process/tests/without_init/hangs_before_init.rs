//! A program that waits for something before it calls `init`, which its children wait for in vain.

use ipc_process::Builder;
use std::time::Duration;

fn main() {
    if std::env::var_os("HANG").is_some() {
        loop {
            std::thread::park();
        }
    }
    ipc_process::init();
    println!("main");
    let builder = Builder::new().env("HANG", "1").start_timeout(Duration::from_millis(200));
    match builder.spawn(|(): ()| (), ()) {
        Ok(_) => println!("a process was started"),
        Err(error) => println!("{error}"),
    }
    if std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default().is_empty() {
        println!("no process is left");
    }
}
