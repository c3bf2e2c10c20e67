//! Settings of a process, and starting it by them.
//!
//! # Safety
//!
//! Forks, once it has made sure that the process has one thread, or was promised that it does not matter.
#![allow(unsafe_code)]

use crate::error::SpawnError;
use crate::launch::Surroundings;
use crate::method::StartMethod;
use crate::process::Process;
use crate::starting::{Standing, refuse_threads};
use crate::stdio::Stdio;
use ipc_codec::Limits;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of a process to start.
///
/// # Examples
///
/// ```
/// use ipc_process::{Builder, StartMethod};
/// # ipc_process::init();
///
/// let process = Builder::new()
///     .name("greeter")
///     .method(StartMethod::Spawn)
///     .daemon(true)
///     .env("GREETING", "hello")
///     .current_dir("/")
///     .spawn(|who: String| format!("{}, {who}", std::env::var("GREETING").unwrap()), "you".to_string())?;
/// assert_eq!(process.name(), "greeter");
/// assert_eq!(process.join()?, "hello, you");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder starts nothing until `spawn` or `fork`"]
pub struct Builder {
    pub(crate) name: Option<String>,
    pub(crate) name_prefix: &'static str,
    /// That of the program, if none.
    pub(crate) method: Option<StartMethod>,
    pub(crate) daemon: bool,
    pub(crate) standing: Standing,
    pub(crate) surroundings: Surroundings,
    pub(crate) start_timeout: Duration,
    pub(crate) limits: Limits,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            name: None,
            name_prefix: "Process",
            method: None,
            daemon: false,
            standing: Standing::Child,
            surroundings: Surroundings::default(),
            start_timeout: Duration::from_secs(60),
            limits: Limits::default(),
        }
    }
}

impl Builder {
    /// The default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the process; `Process-1`, `Process-1:2` by its place in the tree if there is none. The system's lists of
    /// processes show the beginning of it for a spawned process.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How the process is made; else by the [method of the program](StartMethod::default).
    pub fn method(mut self, method: StartMethod) -> Self {
        self.method = Some(method);
        self
    }

    /// Whether the process ends together with this one, in whatever way this one ends, `SIGKILL` included.
    ///
    /// That the thread which started it ends means nothing. A process that is no daemon goes on.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = daemon;
        self
    }

    /// Sets a variable of its environment, which is else that of this process.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.surroundings.env.set(name.into(), value.into());
        self
    }

    /// Removes a variable from its environment.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Builder;
    /// # ipc_process::init();
    ///
    /// let process = Builder::new().env_remove("PATH").spawn(|(): ()| std::env::var_os("PATH").is_none(), ())?;
    /// assert!(process.join()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.surroundings.env.remove(name.into());
        self
    }

    /// Begins with an empty environment, and forgets the changes made before.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Builder;
    /// # ipc_process::init();
    ///
    /// let names = |(): ()| std::env::vars().map(|(name, _)| name).collect::<Vec<_>>();
    /// let process = Builder::new().env_clear().env("ONLY", "this").spawn(names, ())?;
    /// assert_eq!(process.join()?, ["ONLY"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn env_clear(mut self) -> Self {
        self.surroundings.env.clear();
        self
    }

    /// Its working directory, else that of this process.
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.surroundings.current_dir = Some(dir.into());
        self
    }

    /// Its standard input, else that of this process.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Builder;
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// # ipc_process::init();
    ///
    /// let (mut here, there) = UnixStream::pair()?;
    /// let process = Builder::new()
    ///     .stdin(there)
    ///     .spawn(|(): ()| std::io::stdin().lines().map_while(Result::ok).collect::<Vec<_>>(), ())?;
    /// here.write_all(b"one\ntwo\n")?;
    /// drop(here); // The end of its input.
    /// assert_eq!(process.join()?, ["one", "two"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stdin(mut self, stream: impl Into<Stdio>) -> Self {
        self.surroundings.stdio[0] = stream.into();
        self
    }

    /// Its standard output, else that of this process.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Builder;
    /// use std::os::unix::net::UnixStream;
    /// # ipc_process::init();
    ///
    /// let (here, there) = UnixStream::pair()?;
    /// Builder::new().stdout(there).spawn(|(): ()| println!("hello"), ())?.join()?;
    /// assert_eq!(std::io::read_to_string(&here)?, "hello\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stdout(mut self, stream: impl Into<Stdio>) -> Self {
        self.surroundings.stdio[1] = stream.into();
        self
    }

    /// Its standard error, else that of this process.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Builder;
    /// use std::os::unix::net::UnixStream;
    /// # ipc_process::init();
    ///
    /// let (here, there) = UnixStream::pair()?;
    /// Builder::new().stderr(there).spawn(|(): ()| eprintln!("hello"), ())?.join()?;
    /// assert_eq!(std::io::read_to_string(&here)?, "hello\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stderr(mut self, stream: impl Into<Stdio>) -> Self {
        self.surroundings.stdio[2] = stream.into();
        self
    }

    /// For [`StartMethod::Spawn`]: the file to run, which has to be this very program under another path. A fork runs no
    /// file, and passes this over; the fork server is this program always.
    ///
    /// The default needs no path: it runs the program of this process again, also when its file was replaced or removed
    /// in the meantime.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Builder, SpawnError};
    /// # ipc_process::init();
    ///
    /// let copy = std::env::current_exe()?; // Or a copy of it that is kept elsewhere.
    /// let process = Builder::new().executable(copy).spawn(|number: u32| number + 1, 1)?;
    /// assert_eq!(process.join()?, 2);
    ///
    /// // Another program is found out before anything is run in it.
    /// let error = Builder::new().executable("/bin/true").spawn(|number: u32| number + 1, 1).unwrap_err();
    /// assert!(matches!(error, SpawnError::Died { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn executable(mut self, path: impl Into<PathBuf>) -> Self {
        self.surroundings.executable = Some(path.into());
        self
    }

    /// How long a child may take to say its first word before it is killed; 60 seconds by default.
    ///
    /// A child that ends early is noticed at once. This is for one that hangs: because the program waits for something
    /// before it calls [`init`](crate::init()). A forked child that has nothing to set up is not waited for at all, and that of a
    /// fork server only until it is there.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Builder, SpawnError};
    /// use std::time::Duration;
    /// # ipc_process::init();
    /// # #[derive(serde::Serialize)]
    /// # struct Slow;
    /// # impl<'de> serde::Deserialize<'de> for Slow {
    /// #     fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
    /// #         std::thread::sleep(Duration::from_secs(60));
    /// #         Ok(Slow)
    /// #     }
    /// # }
    ///
    /// // `Slow` takes a minute to decode, and a child has not started before it has its arguments.
    /// let builder = Builder::new().start_timeout(Duration::from_millis(20));
    /// assert!(matches!(builder.spawn(|_: Slow| (), Slow), Err(SpawnError::TimedOut)));
    /// ```
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = timeout;
        self
    }

    /// Limits for the encoded arguments and the encoded result.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_codec::Limits;
    /// use ipc_process::{Builder, SpawnError};
    /// # ipc_process::init();
    ///
    /// let builder = Builder::new().limits(Limits::with_max_frame(16));
    /// let refused = builder.spawn(|text: String| text.len(), "more than sixteen bytes".to_string());
    /// assert!(matches!(refused, Err(SpawnError::Encode(_))));
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Starts a process that calls `function` with `args`.
    ///
    /// The arguments are encoded, handles in them included, and dropped here: what was passed belongs to the child. The same
    /// function, arguments and handles work by every method.
    ///
    /// # Blocking
    ///
    /// By spawn, until the child has found the function and decoded the arguments, or failed to. By fork, only if the
    /// child has something to set up; by the fork server, until the child is there, and for that, too. In each case for at most the
    /// [`start_timeout`](Builder::start_timeout).
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; there is no process then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::Builder;
    /// # ipc_process::init();
    ///
    /// let (tx, rx) = ipc_pipe::simplex::<u64>()?;
    /// let sum = Builder::new().spawn(
    ///     |rx: ipc_pipe::Receiver<u64>| rx.iter().map(|number| number.unwrap()).sum::<u64>(),
    ///     rx,
    /// )?;
    /// for number in 1..=10 {
    ///     tx.send(number)?;
    /// }
    /// drop(tx);
    /// assert_eq!(sum.join()?, 55);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spawn<A, R>(self, function: fn(A) -> R, args: A) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        if self.method.unwrap_or_default() == StartMethod::Fork {
            refuse_threads()?;
        }
        // SAFETY: by fork, there is one thread; otherwise nothing is asked for.
        unsafe { self.spawn_despite_threads(function, args) }
    }

    /// As [`spawn`](Builder::spawn), but forks a process that has other threads, too.
    ///
    /// # Other processes
    ///
    /// The child has a copy of each handle that another thread is just sending inside a message, or has received and not yet
    /// decoded: their other sides see the end when the child is gone, too. All other handles it lets go as ever.
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; there is no process then.
    ///
    /// # Safety
    ///
    /// The method is not [`StartMethod::Fork`], or: neither `function` nor the code that decodes its arguments and encodes
    /// its result uses anything that another thread of this process may hold at the moment of the fork, such as a lock, and
    /// the allocator of the program can be used after a fork, as that of the C library can.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Builder, StartMethod};
    ///
    /// let (stop, stopped) = std::sync::mpsc::channel::<()>();
    /// let other = std::thread::spawn(move || stopped.recv());
    /// // SAFETY: the function touches its argument alone, and the other thread holds nothing.
    /// let process = unsafe { Builder::new().method(StartMethod::Fork).spawn_despite_threads(|n: u32| n + 1, 1) }?;
    /// assert_eq!(process.join()?, 2);
    /// drop(stop);
    /// # let _ = other.join();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub unsafe fn spawn_despite_threads<A, R>(
        mut self,
        function: fn(A) -> R,
        args: A,
    ) -> Result<Process<R>, SpawnError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.method.get_or_insert_default();
        // SAFETY: handed on to the caller.
        let process = unsafe { self.launch(function, args) }?;
        process.running().wait_until_started()?;
        Ok(process)
    }

    /// Copies this process, and calls `closure` with `args` in the copy.
    ///
    /// The closure may capture anything: the copy has it as it was. Of the family's *handles*, however, the copy keeps only
    /// those in `args`; a captured one finds its other side gone. What the closure captured is dropped here, too. The
    /// [`method`](Builder::method) does not matter.
    ///
    /// # Blocking
    ///
    /// Only if the child has something to set up, until it has done so.
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; there is no process then.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_process::{Builder, SpawnError};
    ///
    /// let table: Vec<u32> = (0..1000).collect();
    /// match Builder::new().fork(move |index: usize| table[index], 500) {
    ///     Ok(process) => assert_eq!(process.join()?, 500),
    ///     // As in a test harness, which runs this.
    ///     Err(SpawnError::MultiThreaded { threads }) => assert!(threads > 1),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fork<A, R, F>(self, closure: F, args: A) -> Result<Process<R>, SpawnError>
    where
        F: FnOnce(A) -> R,
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        refuse_threads()?;
        let limits = self.limits;
        let message = ipc_codec::encode(&args, &limits)?;
        let work = move || {
            // Decoded like anywhere else, so that the handles in it are the copy's own.
            let args = message.decode::<A>(&limits).expect("encoded by this process a moment ago");
            closure(args)
        };
        // SAFETY: there is one thread.
        let process = unsafe { self.launch_fork(|role, channel| role.run_closure(channel, work)) }?;
        process.running().wait_until_started()?;
        Ok(process)
    }
}
