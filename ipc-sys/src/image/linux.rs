//! The loaded modules on Linux, from `dl_iterate_phdr` and the build-id notes of the ELF files.
//!
//! # Safety
//!
//! Reads program headers and notes of modules that the dynamic loader lists. They are mapped, and stay so while
//! the loader's callback runs.
#![allow(unsafe_code)]

use super::{Module, ModuleId};
use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};

/// The list of the last call, kept while the loader reports no change.
static CACHE: Mutex<Option<(Generation, Arc<[Module]>)>> = Mutex::new(None);

/// How many modules were ever added and removed.
type Generation = (u64, u64);

pub(super) fn modules() -> Arc<[Module]> {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let now = generation();
    match &*cache {
        Some((then, modules)) if *then == now => Arc::clone(modules),
        _ => {
            let modules: Arc<[Module]> = list().into();
            *cache = Some((now, Arc::clone(&modules)));
            modules
        }
    }
}

fn generation() -> Generation {
    let mut generation = (0, 0);
    for_each_module(&mut |info| {
        generation = (info.dlpi_adds, info.dlpi_subs);
        false
    });
    generation
}

fn list() -> Vec<Module> {
    let mut modules = Vec::new();
    for_each_module(&mut |info| {
        modules.push(read_module(info));
        true
    });
    modules
}

/// Calls `visit` for each module until it returns false.
fn for_each_module(visit: &mut dyn FnMut(&libc::dl_phdr_info) -> bool) {
    type Visit<'a> = &'a mut dyn FnMut(&libc::dl_phdr_info) -> bool;

    unsafe extern "C" fn callback(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        data: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: `data` is the address of the `Visit` below, which outlives the call.
        let visit = unsafe { &mut *data.cast::<Visit<'_>>() };
        // SAFETY: the loader hands a valid record for the length of this call.
        let info = unsafe { &*info };
        libc::c_int::from(!visit(info))
    }

    let mut visit: Visit<'_> = visit;
    // SAFETY: the callback matches the data; neither is used after the call.
    unsafe { libc::dl_iterate_phdr(Some(callback), (&raw mut visit).cast()) };
}

fn read_module(info: &libc::dl_phdr_info) -> Module {
    let base = info.dlpi_addr as usize;
    // SAFETY: the loader's record gives address and number of the headers.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let code = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0)
        .map(|header| {
            let start = base + header.p_vaddr as usize;
            start..start + header.p_memsz as usize
        })
        .collect();
    let build_id = headers.iter().filter(|header| header.p_type == libc::PT_NOTE).find_map(|header| {
        let start = (base + header.p_vaddr as usize) as *const u8;
        // SAFETY: note segments lie inside the loaded, readable part of the module.
        let notes = unsafe { std::slice::from_raw_parts(start, header.p_memsz as usize) };
        build_id_in(notes)
    });
    Module { id: build_id.unwrap_or_else(|| file_identity(info)), base, code }
}

/// The build id among the notes of a segment: records of three lengths, a name and a value, each padded to 4.
fn build_id_in(mut notes: &[u8]) -> Option<ModuleId> {
    const NT_GNU_BUILD_ID: u32 = 3;
    let word = |bytes: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    };
    loop {
        let name_size = word(notes, 0)? as usize;
        let value_size = word(notes, 4)? as usize;
        let kind = word(notes, 8)?;
        let value_at = 12 + name_size.next_multiple_of(4);
        if kind == NT_GNU_BUILD_ID && notes.get(12..12 + name_size)? == b"GNU\0" {
            let value = notes.get(value_at..value_at + value_size)?;
            return Some(identity(b'B', value));
        }
        notes = notes.get(value_at + value_size.next_multiple_of(4)..)?;
    }
}

/// The identity of the file behind a module that has no build id.
fn file_identity(info: &libc::dl_phdr_info) -> ModuleId {
    // SAFETY: the loader's record holds a C string; it is empty for the executable.
    let name = unsafe { CStr::from_ptr(info.dlpi_name) };
    let path: &std::path::Path = if name.is_empty() {
        "/proc/self/exe".as_ref()
    } else {
        std::ffi::OsStr::from_bytes(name.to_bytes()).as_ref()
    };
    let mut bytes = Vec::new();
    match rustix::fs::stat(path) {
        Ok(stat) => {
            bytes.extend((stat.st_ino).to_ne_bytes());
            bytes.extend((stat.st_size).to_ne_bytes());
            bytes.extend((stat.st_mtime).to_ne_bytes());
            bytes.extend((stat.st_dev as u32).to_ne_bytes());
        }
        // A module without a file, such as the one the kernel maps, is known by its name alone.
        Err(_) => bytes.extend(name.to_bytes()),
    }
    identity(b'F', &bytes)
}

/// A kind, a length and up to 30 bytes of value: identities of different kinds never compare equal.
fn identity(kind: u8, value: &[u8]) -> ModuleId {
    let mut bytes = [0; ModuleId::SIZE];
    let size = value.len().min(ModuleId::SIZE - 2);
    bytes[..size].copy_from_slice(&value[..size]);
    bytes[ModuleId::SIZE - 2] = kind;
    bytes[ModuleId::SIZE - 1] = size as u8;
    ModuleId(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(name: &[u8], kind: u32, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [name.len() as u32, value.len() as u32, kind] {
            bytes.extend(word.to_ne_bytes());
        }
        for part in [name, value] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn build_id_is_found_behind_other_notes() {
        let notes = [note(b"other\0", 3, b"12345"), note(b"GNU\0", 1, b"abi"), note(b"GNU\0", 3, b"the id")];
        assert_eq!(build_id_in(&notes.concat()), Some(identity(b'B', b"the id")));
    }

    #[test]
    fn torn_notes_have_no_build_id() {
        let whole = note(b"GNU\0", 3, b"the id..");
        for size in 0..whole.len() {
            assert_eq!(build_id_in(&whole[..size]), None, "{size} bytes");
        }
        assert_eq!(build_id_in(&[0xff; 40]), None);
    }

    #[test]
    fn this_program_has_an_identity_of_its_own() {
        let here = super::super::CodePlace::of(identity as *const () as usize).expect("in this program");
        let libc = super::super::CodePlace::of(libc::getpid as *const () as usize);
        assert!(libc.is_none_or(|place| place.module != here.module));
        assert_ne!(here.module.0, [0; ModuleId::SIZE]);
    }
}
