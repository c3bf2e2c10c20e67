//! A program that does something before it calls `init`.

use ipc_process::Process;

fn main() {
    println!("before init");
    ipc_process::init();
    println!("main");
    let process = Process::spawn(|number: u32| number + 1, 41).expect("a process");
    println!("{} from another process", process.join().expect("a number"));
}
