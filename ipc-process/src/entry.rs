//! Naming a function, and calling it by its name in another process.
//!
//! A function travels as two places in the code of the program: that of the function itself, and that of a
//! *trampoline* which was compiled for its types and knows how to decode its arguments and encode its result. A place
//! names its module by content, so it has no address in a process that runs another program; and the trampoline
//! compares a fingerprint of the types before it touches anything.
//!
//! There are two kinds of trampoline: [`Entry`] names one for a single call, [`ManyEntry`] one for a row of calls, which a worker of
//! a pool makes without a detour between them.
//!
//! # Safety
//!
//! Addresses become function pointers here. That is sound because:
//!
//! 1. A [`CodePlace`] has an address only in a module of the same content, at code; the same code is at the same place.
//! 2. An [`Entry`] is made by [`Entry::of`] alone, from a function and the trampoline for its types, and a [`ManyEntry`] by
//!    [`ManyEntry::of`]. They are received only over channels of the family, from processes that are trusted to run our code.
#![allow(unsafe_code)]

use crate::panics::{self, PanicReport};
use crate::pool::Run;
use ipc_codec::{DecodeError, EncodeError, Limits, Message};
use ipc_sys::image::{CodePlace, ModuleId, ResolveError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A function by a name that holds in every process of the same program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    trampoline: Place,
    function: Place,
    fingerprint: u64,
}

/// A function to be called many times, by a name that holds in every process of the same program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ManyEntry(Entry);

/// A [`CodePlace`] as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place {
    module: [u8; ModuleId::SIZE],
    offset: u64,
}

/// How a call went.
#[derive(Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The encoded result.
    Returned(Message),
    /// The function panicked, or the code that decodes its arguments or encodes its result did.
    Panicked(PanicReport),
    /// The arguments could not be decoded; the function was not called.
    ArgumentsRefused(String),
    /// The function returned, and what it returned could not be encoded.
    ResultRefused(String),
    /// This process runs another program, or the same function with other types; it was not called.
    ImageDiffers(String),
}

/// A function of this process, with the trampoline for its types.
#[derive(Clone, Copy, Debug)]
pub struct Callee {
    trampoline: Trampoline,
    function: *const (),
    /// What the types should be; none where nobody else has said it, as in a copy of the process that named the function.
    fingerprint: Option<u64>,
}

/// A function of this process, with the trampoline for many calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ManyCallee {
    trampoline: ManyTrampoline,
    function: *const (),
    fingerprint: u64,
}

type ManyTrampoline = fn(*const (), u64, &mut Run<'_>, &Limits);

/// `started` is called once the arguments are decoded. Without arguments only the types are compared.
type Trampoline = fn(*const (), Option<u64>, Option<Message>, &Limits, &mut dyn FnMut()) -> Outcome;

/// How something that is kept encoded becomes what a function changes, and is kept again.
pub trait Kept {
    /// What the function changes.
    type Value;

    /// What is kept, decoded.
    fn decode(bytes: &[u8], limits: &Limits) -> Result<Self::Value, DecodeError>;

    /// What is to be kept.
    fn encode(value: &Self::Value, limits: &Limits) -> Result<Vec<u8>, EncodeError>;
}

impl Entry {
    /// The name of `function`; `None` when its code lies in no module, as code that was generated at run time.
    pub fn of<A: DeserializeOwned, R: Serialize>(function: fn(A) -> R) -> Option<Self> {
        Entry::named(call::<A, R>, function as *const (), fingerprint::<A, R>())
    }

    /// The name of a function that changes what is kept as `K` says. It is called with what is kept and its arguments, both as
    /// messages, and returns what to keep and its result, likewise.
    pub fn of_change<K: Kept, A: DeserializeOwned, R: Serialize>(
        function: fn(&mut K::Value, A) -> R,
    ) -> Option<Self> {
        let fingerprint = fingerprint::<(K, K::Value, A), R>();
        Entry::named(change::<K, A, R>, function as *const (), fingerprint)
    }

    fn named(trampoline: Trampoline, function: *const (), fingerprint: u64) -> Option<Self> {
        Some(Entry {
            trampoline: Place::of(trampoline as usize)?,
            function: Place::of(function as usize)?,
            fingerprint,
        })
    }

    /// Finds the function in this process.
    pub fn resolve(&self) -> Result<Callee, ResolveError> {
        let trampoline = self.trampoline.address()? as *const ();
        Ok(Callee {
            // SAFETY: by rule 1 the address is that of the trampoline which `Entry::of` named (rule 2).
            trampoline: unsafe { std::mem::transmute::<*const (), Trampoline>(trampoline) },
            function: self.function.address()? as *const (),
            fingerprint: Some(self.fingerprint),
        })
    }
}

impl ManyEntry {
    /// The name of `function`; `None` as for [`Entry::of`].
    pub(crate) fn of<A: DeserializeOwned, R: Serialize>(function: fn(A) -> R) -> Option<Self> {
        let trampoline: ManyTrampoline = call_many::<A, R>;
        Some(ManyEntry(Entry {
            trampoline: Place::of(trampoline as usize)?,
            function: Place::of(function as usize)?,
            fingerprint: fingerprint::<A, R>(),
        }))
    }

    /// What is different for different functions in this process, and found faster than their names.
    pub(crate) fn key<A: DeserializeOwned, R: Serialize>(function: fn(A) -> R) -> (usize, usize) {
        let trampoline: ManyTrampoline = call_many::<A, R>;
        (trampoline as usize, function as usize)
    }

    /// Finds the function in this process.
    pub(crate) fn resolve(&self) -> Result<ManyCallee, ResolveError> {
        let trampoline = self.0.trampoline.address()? as *const ();
        Ok(ManyCallee {
            // SAFETY: by rule 1 the address is that of the trampoline which `ManyEntry::of` named (rule 2).
            trampoline: unsafe { std::mem::transmute::<*const (), ManyTrampoline>(trampoline) },
            function: self.0.function.address()? as *const (),
            fingerprint: self.0.fingerprint,
        })
    }
}

impl ManyCallee {
    /// Calls the function with each of the arguments that the run has for it.
    pub(crate) fn call(&self, run: &mut Run<'_>, limits: &Limits) {
        (self.trampoline)(self.function, self.fingerprint, run, limits);
    }
}

impl Callee {
    /// For a call in this process or in a copy of it, where no name is needed.
    pub(crate) fn of<A: DeserializeOwned, R: Serialize>(function: fn(A) -> R) -> Self {
        Callee { trampoline: call::<A, R>, function: function as *const (), fingerprint: None }
    }

    /// Decodes the arguments, tells `started`, calls the function, encodes the result.
    #[inline]
    pub fn call(&self, args: Message, limits: &Limits, started: &mut dyn FnMut()) -> Outcome {
        (self.trampoline)(self.function, self.fingerprint, Some(args), limits, started)
    }

    /// Compares the types now, so that no call has to; why they are others.
    pub(crate) fn checked(mut self) -> Result<Callee, String> {
        let limits = Limits::default();
        match (self.trampoline)(self.function, self.fingerprint.take(), None, &limits, &mut || {}) {
            Outcome::ImageDiffers(reason) => Err(reason),
            _ => Ok(self),
        }
    }
}

/// A function without arguments and result, by a name that holds in every process of the same program.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct PlainEntry(Place);

impl PlainEntry {
    /// The name of `function`; `None` when its code lies in no module.
    pub(crate) fn of(function: fn()) -> Option<Self> {
        Place::of(function as usize).map(PlainEntry)
    }

    /// Finds the function in this process.
    pub(crate) fn resolve(&self) -> Result<fn(), ResolveError> {
        let function = self.0.address()? as *const ();
        // SAFETY: by rule 1 the address is that of a function of this type, which `PlainEntry::of` named; rule 2 holds for it, too.
        Ok(unsafe { std::mem::transmute::<*const (), fn()>(function) })
    }
}

impl Place {
    fn of(address: usize) -> Option<Self> {
        let place = CodePlace::of(address)?;
        Some(Place { module: place.module.0, offset: place.offset })
    }

    fn address(&self) -> Result<usize, ResolveError> {
        CodePlace { module: ModuleId(self.module), offset: self.offset }.address()
    }
}

fn call<A: DeserializeOwned, R: Serialize>(
    function: *const (),
    expected: Option<u64>,
    args: Option<Message>,
    limits: &Limits,
    started: &mut dyn FnMut(),
) -> Outcome {
    if expected.is_some_and(|expected| expected != fingerprint::<A, R>()) {
        return Outcome::ImageDiffers("the types of the function differ".into());
    }
    let Some(args) = args else { return Outcome::Returned(Message::default()) };
    // SAFETY: by rule 2, made from a function of this type; the fingerprint says the same.
    let function = unsafe { std::mem::transmute::<*const (), fn(A) -> R>(function) };
    let run = || {
        let args = match args.decode::<A>(limits) {
            Ok(args) => args,
            Err(error) => return Outcome::ArgumentsRefused(chain(&error)),
        };
        started();
        match ipc_codec::encode(&function(args), limits) {
            Ok(result) => Outcome::Returned(result),
            Err(error) => Outcome::ResultRefused(chain(&error)),
        }
    };
    panics::catch(run).unwrap_or_else(Outcome::Panicked)
}

fn call_many<A: DeserializeOwned, R: Serialize>(
    function: *const (),
    expected: u64,
    run: &mut Run<'_>,
    limits: &Limits,
) {
    if expected != fingerprint::<A, R>() {
        return run.refuse("the types of the function differ");
    }
    // SAFETY: by rule 2, made from a function of this type; the fingerprint says the same.
    let function = unsafe { std::mem::transmute::<*const (), fn(A) -> R>(function) };
    // One frame to unwind to for all tasks: it takes longer than some of them.
    while let Err(report) = panics::catch(|| call_until_panic(function, run, limits)) {
        run.returned();
        run.end(Outcome::Panicked(report));
    }
}

/// Calls the function with the arguments of each task that is left.
fn call_until_panic<A: DeserializeOwned, R: Serialize>(
    function: fn(A) -> R,
    run: &mut Run<'_>,
    limits: &Limits,
) {
    while let Some(args) = run.next() {
        let args = match args.decode::<A>(limits) {
            Ok(args) => args,
            Err(error) => {
                run.end(Outcome::ArgumentsRefused(chain(&error)));
                continue;
            }
        };
        let result = function(args);
        run.returned();
        if let Err(error) = run.end_with(&result, limits) {
            run.end(Outcome::ResultRefused(chain(&error)));
        }
    }
}

fn change<K: Kept, A: DeserializeOwned, R: Serialize>(
    function: *const (),
    expected: Option<u64>,
    args: Option<Message>,
    limits: &Limits,
    started: &mut dyn FnMut(),
) -> Outcome {
    if expected.is_some_and(|expected| expected != fingerprint::<(K, K::Value, A), R>()) {
        return Outcome::ImageDiffers("the types of the function differ".into());
    }
    let Some(args) = args else { return Outcome::Returned(Message::default()) };
    // SAFETY: by rule 2, made from a function of this type; the fingerprint says the same.
    let function = unsafe { std::mem::transmute::<*const (), fn(&mut K::Value, A) -> R>(function) };
    let decode = || -> Result<(K::Value, A), DecodeError> {
        let (kept, args): (Message, Message) = args.decode(limits)?;
        Ok((K::decode(kept.bytes(), limits)?, args.decode(limits)?))
    };
    let run = || {
        let (mut value, args) = match decode() {
            Ok(decoded) => decoded,
            Err(error) => return Outcome::ArgumentsRefused(chain(&error)),
        };
        started();
        let result = function(&mut value, args);
        let encode = || -> Result<Message, EncodeError> {
            let kept = Message::from_parts(K::encode(&value, limits)?, Vec::new());
            ipc_codec::encode(&(kept, ipc_codec::encode(&result, limits)?), limits)
        };
        encode().map_or_else(|error| Outcome::ResultRefused(chain(&error)), Outcome::Returned)
    };
    panics::catch(run).unwrap_or_else(Outcome::Panicked)
}

/// A number that differs when the types do: FNV-1a over their names and sizes.
fn fingerprint<A, R>() -> u64 {
    let sizes = [size_of::<A>(), align_of::<A>(), size_of::<R>(), align_of::<R>()];
    std::any::type_name::<fn(A) -> R>()
        .bytes()
        .chain(sizes.into_iter().flat_map(usize::to_ne_bytes))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// An error with all its sources, as text for another process.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(number: u32) -> u64 {
        u64::from(number) * 2
    }

    #[test]
    fn a_function_is_called_by_its_name() {
        let entry = Entry::of(double).expect("in this program");
        let limits = Limits::default();
        let args = ipc_codec::encode(&21_u32, &limits).expect("a number");
        let mut n_started = 0;
        let outcome = entry.resolve().expect("here").call(args, &limits, &mut || n_started += 1);
        let Outcome::Returned(result) = outcome else { panic!("{outcome:?}") };
        assert_eq!(result.decode::<u64>(&limits).expect("a number"), 42);
        assert_eq!(n_started, 1);
    }

    /// A number that is kept as its decimal digits.
    struct Digits;

    impl Kept for Digits {
        type Value = u32;

        fn decode(bytes: &[u8], _: &Limits) -> Result<u32, DecodeError> {
            let digits = std::str::from_utf8(bytes).ok().and_then(|digits| digits.parse().ok());
            digits.ok_or(DecodeError::Refused { message: "no digits".into() })
        }

        fn encode(value: &u32, _: &Limits) -> Result<Vec<u8>, EncodeError> {
            Ok(value.to_string().into_bytes())
        }
    }

    #[test]
    fn a_function_changes_what_is_kept() {
        let entry =
            Entry::of_change::<Digits, u32, u32>(|number, by| std::mem::replace(number, *number + by));
        let (entry, limits) = (entry.expect("in this program"), Limits::default());
        let call = |kept: &[u8]| {
            let args = ipc_codec::encode(&5_u32, &limits).expect("a number");
            let both = ipc_codec::encode(&(Message::from_parts(kept.to_vec(), Vec::new()), args), &limits);
            entry.resolve().expect("here").call(both.expect("two messages"), &limits, &mut || ())
        };
        let Outcome::Returned(result) = call(b"37") else { panic!("it returns") };
        let (kept, result): (Message, Message) = result.decode(&limits).expect("two messages");
        assert_eq!((kept.bytes(), result.decode::<u32>(&limits).expect("a number")), (&b"42"[..], 37));
        assert!(matches!(call(b"none"), Outcome::ArgumentsRefused(_)));
    }

    #[test]
    fn other_types_are_refused_before_the_call() {
        let mut entry = Entry::of(double).expect("in this program");
        entry.fingerprint += 1;
        let limits = Limits::default();
        let args = ipc_codec::encode(&21_u32, &limits).expect("a number");
        let outcome = entry.resolve().expect("here").call(args, &limits, &mut || panic!("started"));
        assert!(matches!(outcome, Outcome::ImageDiffers(_)), "{outcome:?}");
        assert!(entry.resolve().expect("here").checked().is_err());
    }

    #[test]
    fn what_was_checked_is_called() {
        let callee = Entry::of(double).expect("in this program").resolve().expect("here");
        let (callee, limits) = (callee.checked().expect("the same types"), Limits::default());
        let args = ipc_codec::encode(&21_u32, &limits).expect("a number");
        assert!(matches!(callee.call(args, &limits, &mut || {}), Outcome::Returned(_)));
    }

    #[test]
    fn another_module_is_refused() {
        let mut entry = Entry::of(double).expect("in this program");
        entry.function.module[0] ^= 1;
        assert_eq!(entry.resolve().unwrap_err(), ResolveError::NoSuchModule);
        let mut entry = Entry::of(double).expect("in this program");
        entry.function.offset = u64::MAX;
        assert_eq!(entry.resolve().unwrap_err(), ResolveError::NotCode);
    }
}
