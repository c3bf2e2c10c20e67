//! A program as the documentation wants it.

use ipc_process::{Builder, Process, StartMethod};

fn main() {
    ipc_process::init();
    println!("main");
    let process = Process::spawn(|number: u32| number + 1, 41).expect("a process");
    println!("{} from another process", process.join().expect("a number"));
    let process = Builder::new().method(StartMethod::Fork).spawn(|number: u32| number + 1, 41);
    println!("{} from a copy", process.expect("a process").join().expect("a number"));
}
