//! What is around a process, as the difference to what is around the fork server that makes it.
//!
//! A child has what its parent has: the environment, the working directory, the standard streams. A server has them as they were when
//! it began, so what has changed since then goes along with the order. That is nothing, as a rule, and costs a look at each.

use crate::environment::EnvChanges;
use crate::error::SpawnError;
use crate::launch::Surroundings;
use crate::stdio::{Stdio, Streams};
use ipc_codec::handle::Handle;
use ipc_sys::handle::{OwnedHandle, duplicate};
use ipc_sys::process::{copy_stream, stream_ids};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

/// What was around the owner when its server began.
#[derive(Debug)]
pub(super) struct Base {
    /// As it comes: two that are the same come in the same order, as a rule.
    env: Vec<(OsString, OsString)>,
    current_dir: Option<PathBuf>,
    streams: [Option<(u64, u64)>; 3],
}

/// What a child is to have instead.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Changes {
    env: EnvChanges,
    /// Not a path to serde, who wants those to be text.
    current_dir: Option<OsString>,
    stdio: [Option<Handle<OwnedHandle>>; 3],
}

impl Base {
    pub(super) fn of_this_process() -> Self {
        Base {
            env: std::env::vars_os().collect(),
            // A folder that was removed has no name, and nobody can be told to go there.
            current_dir: std::env::current_dir().ok(),
            streams: stream_ids(),
        }
    }

    /// What differs for a child of this process with these settings.
    pub(super) fn changes_to(
        &self,
        surroundings: &Surroundings,
        streams: &Streams,
    ) -> Result<Changes, SpawnError> {
        let now = std::env::current_dir().ok();
        let current_dir = match (&surroundings.current_dir, now) {
            (Some(dir), Some(now)) => Some(now.join(dir)),
            (Some(dir), None) => Some(dir.clone()),
            (None, now) => now.filter(|now| Some(now) != self.current_dir.as_ref()),
        };
        Ok(Changes {
            env: self.env(&surroundings.env),
            current_dir: current_dir.map(PathBuf::into_os_string),
            stdio: self.stdio(streams).map_err(SpawnError::os("duplicating the standard streams"))?,
        })
    }

    fn env(&self, asked: &EnvChanges) -> EnvChanges {
        let mut now = std::env::vars_os();
        let mut is_same =
            || self.env.iter().all(|known| now.next().as_ref() == Some(known)) && now.next().is_none();
        if asked.is_empty() && is_same() {
            return EnvChanges::default();
        }
        let base: BTreeMap<_, _> = self.env.iter().cloned().collect();
        EnvChanges::between(&base, &asked.apply())
    }

    fn stdio(&self, streams: &Streams) -> std::io::Result<[Option<Handle<OwnedHandle>>; 3]> {
        let now = stream_ids();
        let mut stdio = [None, None, None];
        for (number, asked) in streams.handles().into_iter().enumerate() {
            let handle = match (asked, now[number]) {
                (Some(handle), _) => duplicate(handle)?,
                (None, id) if id == self.streams[number] => continue,
                (None, Some(_)) => copy_stream(number)?,
                // It was closed meanwhile. The number must not become free in the child, or it is another file's.
                (None, None) => File::options().read(true).write(true).open("/dev/null")?.into(),
            };
            stdio[number] = Some(handle.into());
        }
        Ok(stdio)
    }
}

impl From<Changes> for Surroundings {
    fn from(changes: Changes) -> Self {
        let stream = |handle: Option<Handle<OwnedHandle>>| {
            handle.map_or_else(Stdio::inherit, |handle| Stdio::from(handle.into_inner()))
        };
        Surroundings {
            env: changes.env,
            current_dir: changes.current_dir.map(PathBuf::from),
            stdio: changes.stdio.map(stream),
            executable: None,
        }
    }
}
