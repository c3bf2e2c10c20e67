//! Naming a function so that another process can find it, and refusing when that process runs another program.
//!
//! Addresses differ between processes. What stays the same between two processes of one program is the place of a
//! function inside its module (the executable or a shared library); and whether the modules are the same is
//! said by an identity that the linker computed over their content.
//!
//! # What a port provides
//!
//! - `modules() -> list of (identity, base address, executable ranges)`: the modules loaded into this process.

mod linux;
use linux as imp;

use std::{error, fmt};

/// A place in the code of a module, meaningful in every process that has the module loaded.
///
/// # Examples
///
/// ```
/// use ipc_sys::image::CodePlace;
///
/// fn hello() {}
/// let place = CodePlace::of(hello as usize).expect("the function is in this program");
/// assert_eq!(place.address(), Ok(hello as usize));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodePlace {
    /// Which module.
    pub module: ModuleId,
    /// Bytes from the address at which the module was loaded.
    pub offset: u64,
}

/// The identity of a module: equal only for equal content.
///
/// # Platform
///
/// Linux: the build id of the ELF file; where the linker was told to leave it out, device, inode, size and time of
/// the file.
///
/// # Examples
///
/// ```
/// use ipc_sys::image::CodePlace;
///
/// fn here() {}
/// fn there() {}
/// let here = CodePlace::of(here as usize).expect("in this program");
/// let there = CodePlace::of(there as usize).expect("in this program");
/// assert_eq!(here.module, there.module);
/// assert_eq!(here.module.to_string().len(), 40); // Forty digits, for the eye.
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModuleId(pub [u8; ModuleId::SIZE]);

impl ModuleId {
    /// Bytes of an identity.
    pub const SIZE: usize = 32;
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..20].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl CodePlace {
    /// The place of a code address; `None` when it lies in no module.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::image::CodePlace;
    ///
    /// fn hello() {}
    /// assert!(CodePlace::of(hello as usize).is_some());
    /// let data = [0_u8; 4];
    /// assert_eq!(CodePlace::of(data.as_ptr() as usize), None);
    /// ```
    pub fn of(address: usize) -> Option<Self> {
        let modules = imp::modules();
        let module = modules.iter().find(|module| module.holds_code(address))?;
        Some(CodePlace { module: module.id, offset: (address - module.base) as u64 })
    }

    /// The address of the place in this process.
    ///
    /// # Errors
    ///
    /// [`ResolveError`], when the module is not loaded here or the place is not in its code.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_sys::image::{CodePlace, ResolveError};
    ///
    /// fn hello() {}
    /// let mut place = CodePlace::of(hello as usize).expect("in this program");
    /// assert_eq!(place.address(), Ok(hello as usize));
    /// place.offset = u64::MAX;
    /// assert_eq!(place.address(), Err(ResolveError::NotCode));
    /// ```
    pub fn address(&self) -> Result<usize, ResolveError> {
        let modules = imp::modules();
        let module =
            modules.iter().find(|module| module.id == self.module).ok_or(ResolveError::NoSuchModule)?;
        usize::try_from(self.offset)
            .ok()
            .and_then(|offset| module.base.checked_add(offset))
            .filter(|&address| module.holds_code(address))
            .ok_or(ResolveError::NotCode)
    }
}

/// Why a place has no address in this process.
///
/// # Examples
///
/// ```
/// use ipc_sys::image::{CodePlace, ModuleId, ResolveError};
///
/// // A name from a process that runs another program.
/// let place = CodePlace { module: ModuleId([0; ModuleId::SIZE]), offset: 64 };
/// let error = place.address().unwrap_err();
/// assert_eq!(error, ResolveError::NoSuchModule);
/// assert_eq!(error.to_string(), "no module of this identity is loaded");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveError {
    /// No module of this identity is loaded: the processes run different programs.
    NoSuchModule,
    /// The module is loaded, but there is no code at the place.
    NotCode,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResolveError::NoSuchModule => "no module of this identity is loaded",
            ResolveError::NotCode => "there is no code at this place of the module",
        })
    }
}

impl error::Error for ResolveError {}

/// A loaded module.
#[derive(Debug)]
struct Module {
    id: ModuleId,
    base: usize,
    code: Vec<std::ops::Range<usize>>,
}

impl Module {
    fn holds_code(&self, address: usize) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }
}
