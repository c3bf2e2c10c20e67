//! Naming a function: there and back again, and what is refused.

use ipc_sys::image::{CodePlace, ModuleId, ResolveError};

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

fn place(function: fn() -> u32) -> CodePlace {
    CodePlace::of(function as usize).expect("the function is in this program")
}

#[test]
fn a_place_leads_back_to_its_function() {
    for function in [one as fn() -> u32, two, || 3] {
        assert_eq!(place(function).address(), Ok(function as usize));
    }
    assert_ne!(place(one), place(two));
    assert_eq!(place(one).module, place(two).module);
    assert_eq!(place(one).module.to_string().len(), 40);
}

#[test]
fn another_module_is_refused() {
    let here = place(one);
    for byte in 0..ModuleId::SIZE {
        let mut module = here.module;
        module.0[byte] ^= 1;
        assert_eq!(CodePlace { module, ..here }.address(), Err(ResolveError::NoSuchModule), "byte {byte}");
    }
    let module = ModuleId([0; ModuleId::SIZE]);
    assert_eq!(CodePlace { module, ..here }.address(), Err(ResolveError::NoSuchModule));
}

#[test]
fn what_is_not_code_is_refused() {
    static DATA: u64 = 7;
    static mut WRITABLE: u64 = 7;
    let here = place(one);
    let base = one as *const () as usize - here.offset as usize;
    let stack = 0_u8;
    let heap = Box::new(0_u8);
    let addresses = [
        &raw const DATA as usize,
        &raw const WRITABLE as usize,
        &raw const stack as usize,
        &raw const *heap as usize,
        base,
        0,
        1,
        usize::MAX,
    ];
    for address in addresses {
        assert_eq!(CodePlace::of(address), None, "{address:#x}");
        let offset = (address as u64).wrapping_sub(base as u64);
        assert_eq!(CodePlace { offset, ..here }.address(), Err(ResolveError::NotCode), "{address:#x}");
    }
    for offset in [u64::MAX, u64::MAX - base as u64, 1 << 63] {
        assert_eq!(CodePlace { offset, ..here }.address(), Err(ResolveError::NotCode), "{offset:#x}");
    }
}

#[test]
fn a_function_of_a_library_has_a_place_of_its_own() {
    let Some(library) = CodePlace::of(libc::strlen as *const () as usize) else { return };
    assert_ne!(library.module, place(one).module);
    assert_eq!(library.address(), Ok(libc::strlen as *const () as usize));
    let here = CodePlace { module: place(one).module, offset: library.offset };
    assert_ne!(here.address(), library.address());
}

/// Another process of the same program loads it at another address and finds the same function.
#[test]
fn a_place_means_the_same_in_another_process() {
    // A run of this very test prints the place that it has there.
    const ASK: &str = "IPC_SYS_TEST_PLACE";
    let here = place(one);
    let text = format!("{:?} {}", here.module.0, here.offset);
    if std::env::var_os(ASK).is_some() {
        println!("place {text} at {:#x}", one as *const () as usize);
        return;
    }
    let output = std::process::Command::new("/proc/self/exe")
        .args(["--exact", "a_place_means_the_same_in_another_process", "--nocapture"])
        .env(ASK, "1")
        .output()
        .expect("this program can be run again");
    let output = String::from_utf8(output.stdout).expect("text");
    assert!(output.contains(&format!("place {text} at ")), "{output}");
}
