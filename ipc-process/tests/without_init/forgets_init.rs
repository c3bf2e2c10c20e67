//! A program without the line that a program needs.

fn main() {
    println!("main");
    match ipc_process::Process::spawn(|(): ()| (), ()) {
        Ok(_) => println!("a process was started"),
        Err(error) => println!("{error}"),
    }
    // The kernel counts every process that was ever made: none was, unless this one has a child or had one.
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux has it");
    // Page faults of children that were waited for: field 11, the ninth behind the name.
    let faults = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(8)).expect("a field");
    if children.is_empty() && faults == "0" {
        println!("no process was made");
    }
}
