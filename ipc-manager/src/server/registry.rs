//! Types of the user that live in the server, and their methods by name.

use crate::client::{Session, encode_value, keep_alive, with_session};
use crate::error::Failure;
use crate::wire::Writer;
use ipc_process::internals::{Entry, catch, chain};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A type that can live in a manager.
///
/// Its values stay in the server; clients call its methods by name, and nothing else of it. A type is made known to a manager by
/// [`Builder::register`](crate::Builder::register).
///
/// # Examples
///
/// ```
/// use ipc_manager::{CallError, Manager, Methods, Registered};
/// # ipc_process::init();
///
/// #[derive(Clone)]
/// struct Account {
///     cents: i64,
/// }
///
/// impl Registered for Account {
///     type Args = i64;
///
///     fn create(cents: i64) -> Self {
///         Account { cents }
///     }
///
///     fn methods(methods: &mut Methods<Self>) {
///         methods.read("balance", |account, (): ()| account.cents);
///         methods.write("deposit", |account, cents: i64| {
///             assert!(cents > 0, "a deposit is positive");
///             account.cents += cents;
///             account.cents
///         });
///     }
/// }
///
/// let manager = Manager::builder().register::<Account>().start()?;
/// let account = manager.object::<Account>(100)?;
/// assert_eq!(account.call::<_, i64>("deposit", 50)?, 150);
///
/// // A method that panics has changed nothing.
/// let error = account.call::<_, i64>("deposit", -1).unwrap_err();
/// assert!(error.to_string().contains("a deposit is positive"));
/// assert_eq!(account.call::<_, i64>("balance", ())?, 150);
///
/// let error = account.call::<_, i64>("withdraw", 50).unwrap_err();
/// assert!(matches!(error, CallError::NoSuchMethod { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Registered: Clone + Send + 'static {
    /// What a value is made of.
    type Args: Serialize + DeserializeOwned;

    /// Makes a value, in the server.
    fn create(args: Self::Args) -> Self;

    /// Says what its methods are.
    fn methods(methods: &mut Methods<Self>);
}

/// The methods of a registered type.
pub struct Methods<T>(HashMap<String, Method<T>>);

/// What a method does: what becomes of the value, if that changes, and the reply.
type Method<T> = Arc<dyn Fn(&T, &Arc<Session>, &[u8]) -> Result<(Option<T>, Vec<u8>), Failure> + Send + Sync>;

impl<T: Registered> Methods<T> {
    /// A method that changes nothing. A method of the same name is replaced.
    pub fn read<A, R>(&mut self, name: &str, method: fn(&T, A) -> R)
    where
        A: DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        let run = move |state: &T, session: &Arc<Session>, args: &[u8]| {
            Ok((None, reply(session, &method(state, arguments(session, args)?))?))
        };
        self.0.insert(name.into(), Arc::new(run));
    }

    /// A method that changes the value: it works on a clone, which takes the place of the value when it has returned.
    pub fn write<A, R>(&mut self, name: &str, method: fn(&mut T, A) -> R)
    where
        A: DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        let run = move |state: &T, session: &Arc<Session>, args: &[u8]| {
            let (mut state, args) = (state.clone(), arguments(session, args)?);
            let result = method(&mut state, args);
            let reply = reply(session, &result)?;
            Ok((Some(state), reply))
        };
        self.0.insert(name.into(), Arc::new(run));
    }
}

/// The name of a function that registers a type, for the server to call.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Install(Option<Entry>);

/// All registered types, by the names of their types.
#[derive(Default)]
pub(crate) struct Registry(HashMap<String, Maker>);

/// Makes a value of a registered type.
pub(crate) type Maker = fn(&Arc<Session>, &[u8]) -> Result<Box<dyn State>, Failure>;

/// A value of a registered type.
pub(crate) trait State: Any + Send {
    /// Runs a method; the value after it, and the reply.
    fn run(
        self: Box<Self>,
        name: &str,
        session: &Arc<Session>,
        args: &[u8],
    ) -> (Box<dyn State>, Result<Vec<u8>, Failure>);
}

struct Living<T> {
    value: T,
    methods: Arc<HashMap<String, Method<T>>>,
}

/// What was installed and not taken yet.
static INSTALLED: Mutex<Vec<(String, Maker)>> = Mutex::new(Vec::new());

impl Install {
    pub(crate) fn of<T: Registered>() -> Install {
        Install(Entry::of(install::<T>))
    }

    /// Registers the type in this process.
    pub(crate) fn run(&self, registry: &mut Registry) {
        let callee = self.0.and_then(|entry| entry.resolve().ok());
        if let (Some(callee), Ok(nothing)) = (callee, ipc_codec::encode(&(), &Default::default())) {
            // A type whose registration panicked is not registered, and said so on stderr.
            let _ = callee.call(nothing, &Default::default(), &mut || ());
        }
        registry.0.extend(INSTALLED.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
    }
}

impl Registry {
    pub(crate) fn maker(&self, type_name: &str) -> Option<Maker> {
        self.0.get(type_name).copied()
    }
}

fn install<T: Registered>((): ()) {
    let maker: Maker = make::<T>;
    INSTALLED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push((std::any::type_name::<T>().to_owned(), maker));
}

fn make<T: Registered>(session: &Arc<Session>, args: &[u8]) -> Result<Box<dyn State>, Failure> {
    guarded(|| {
        let mut methods = Methods(HashMap::new());
        T::methods(&mut methods);
        let value = T::create(arguments(session, args)?);
        Ok(Box::new(Living { value, methods: Arc::new(methods.0) }) as Box<dyn State>)
    })
}

impl<T: Registered> State for Living<T> {
    fn run(
        mut self: Box<Self>,
        name: &str,
        session: &Arc<Session>,
        args: &[u8],
    ) -> (Box<dyn State>, Result<Vec<u8>, Failure>) {
        let Some(method) = self.methods.get(name) else {
            let failure = Failure::NoSuchMethod(name.to_owned());
            return (self, Err(failure));
        };
        let result = guarded(|| method(&self.value, session, args));
        let reply = result.map(|(value, reply)| {
            if let Some(value) = value {
                self.value = value;
            }
            reply
        });
        (self, reply)
    }
}

/// Runs code of the user; its panic is a failure.
pub(crate) fn guarded<R>(work: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    catch(work).unwrap_or_else(|report| {
        Err(Failure::Panicked {
            message: format!("the function {report}"),
            backtrace: report.backtrace().to_owned(),
        })
    })
}

fn arguments<A: DeserializeOwned>(session: &Arc<Session>, args: &[u8]) -> Result<A, Failure> {
    let body = super::kept::body(args);
    let (decoded, _) = with_session(session, || ipc_codec::decode(body, Vec::new(), session.limits()));
    decoded.map_err(|error| Failure::Refused(format!("the arguments: {}", chain(&error))))
}

fn reply<R: Serialize>(session: &Arc<Session>, result: &R) -> Result<Vec<u8>, Failure> {
    let mut reply = Writer::default();
    let references = encode_value(session, result, &mut reply)
        .map_err(|error| Failure::Refused(format!("the result: {}", chain(&error))))?;
    keep_alive(references);
    Ok(reply.0)
}
