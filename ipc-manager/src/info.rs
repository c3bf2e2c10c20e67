//! What a manager tells about itself.

use crate::client::Reply;
use crate::error::CallError;
use crate::wire::{Kind, Malformed};

/// An object of a manager, and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// Its place among the objects.
    pub index: u32,
    /// What it is: `list`, `dict`, `lock`.
    pub kind: &'static str,
    /// The type of its proxies, as Rust names it.
    pub type_name: String,
    /// How many items it has, how often it is held, how many wait in it; `None` while a function changes it.
    pub size: Option<usize>,
    /// How many references there are, those of other objects included.
    pub references: u64,
    /// How many calls on it wait.
    pub waiting: usize,
    /// Which clients have how many of the references.
    pub holders: Vec<Holding>,
}

/// References of one client to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// The process; `None` for a message that is on its way.
    pub pid: Option<u32>,
    /// How many.
    pub references: u64,
}

/// A process that uses a manager.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// Its process id, as it says.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// How many calls it has made.
    pub calls: u64,
    /// How many connections it has.
    pub lines: usize,
    /// How many of its calls wait.
    pub waiting: usize,
    /// How many references it has.
    pub references: u64,
}

impl ObjectInfo {
    pub(crate) fn read_all(reply: &mut Reply<'_>) -> Result<Vec<ObjectInfo>, CallError> {
        let n_objects = reply.count()?;
        (0..n_objects).map(|_| Ok(ObjectInfo::read(reply)?)).collect()
    }

    fn read(reply: &mut Reply<'_>) -> Result<ObjectInfo, Malformed> {
        let from = &mut reply.from;
        let (index, kind) = (from.u32()?, Kind::from_u8(from.u8()?).ok_or(Malformed)?.name());
        let (type_name, references, waiting) = (from.text()?, from.u64()?, from.count()?);
        let (is_known, size) = (from.bool()?, from.count()?);
        let n_holders = from.count()?;
        let holding = |_| {
            let pid = Some(from.u32()?).filter(|&pid| pid != 0);
            Ok(Holding { pid, references: from.u64()? })
        };
        let holders = (0..n_holders).map(holding).collect::<Result<Vec<_>, Malformed>>()?;
        Ok(ObjectInfo {
            index,
            kind,
            type_name,
            size: is_known.then_some(size),
            references,
            waiting,
            holders,
        })
    }
}

impl ClientInfo {
    pub(crate) fn read_all(reply: &mut Reply<'_>) -> Result<Vec<ClientInfo>, CallError> {
        let n_clients = reply.count()?;
        (0..n_clients).map(|_| Ok(ClientInfo::read(reply)?)).collect()
    }

    fn read(reply: &mut Reply<'_>) -> Result<ClientInfo, Malformed> {
        let from = &mut reply.from;
        Ok(ClientInfo {
            pid: from.u32()?,
            name: from.text()?,
            calls: from.u64()?,
            lines: from.count()?,
            waiting: from.count()?,
            references: from.u64()?,
        })
    }
}
