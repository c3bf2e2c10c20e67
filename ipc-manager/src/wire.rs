//! What goes between a client and the server: names of objects, operations, and the bytes of requests and replies.

use crate::error::{CallError, Failure};
use serde::{Deserialize, Serialize};

/// An object of a server: where it is, and a number that nobody can guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ObjectId {
    pub(crate) index: u32,
    pub(crate) generation: u64,
}

/// Which server it is: random bytes.
pub(crate) type ServerId = [u8; 16];

/// What an object is, with the types of what is in it.
pub(crate) type TypeId = u32;

/// Bytes of a request before its arguments.
pub(crate) const REQUEST_HEADER: usize = 21;
/// Bytes of a reply before what is in it.
pub(crate) const REPLY_HEADER: usize = 5;
/// Bytes of the name of an object.
pub(crate) const ID_SIZE: usize = 12;

/// Makes the enum, and the way back from its number.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub(crate) enum $name { $($(#[$about])* $variant),* }

        impl $name {
            const ALL: &'static [$name] = &[$($name::$variant),*];

            /// What the number stands for.
            pub(crate) fn from_u8(number: u8) -> Option<$name> {
                $name::ALL.get(usize::from(number)).copied()
            }
        }
    };
}
pub(crate) use numbered;

numbered! {
    /// What is asked of an object. Not every object knows every one.
    Op {
        // Of the manager itself.
        Create Acquire Lease LeaseMore Objects Clients Shutdown Transact
        // Of what holds values.
        Len Clear Get Set Swap CompareExchange Add Insert Remove RemoveItem Push Pop PopFirst Extend Contains Find Count
        Reverse Truncate Slice SetSlice Repeat Page Entry Combine Relate Change ChangeWhole
        // Of queues and locks.
        Put Take TaskDone Join Capacity Acquired Release State Wait Notify Abort Reset
        // Of pools, their results, and objects of the user.
        Apply ApplyAsync Map MapAsync Close Terminate Call
    }
}

numbered! {
    /// What an object is.
    Kind {
        Manager List Dict Set Namespace Value Array Queue JoinableQueue Lock ReentrantLock Semaphore BoundedSemaphore
        Condition Event Barrier Pool Outcome Object
    }
}

impl Kind {
    /// As users read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Manager => "manager",
            Kind::List => "list",
            Kind::Dict => "dict",
            Kind::Set => "set",
            Kind::Namespace => "namespace",
            Kind::Value => "value",
            Kind::Array => "array",
            Kind::Queue => "queue",
            Kind::JoinableQueue => "joinable queue",
            Kind::Lock => "lock",
            Kind::ReentrantLock => "reentrant lock",
            Kind::Semaphore => "semaphore",
            Kind::BoundedSemaphore => "bounded semaphore",
            Kind::Condition => "condition",
            Kind::Event => "event",
            Kind::Barrier => "barrier",
            Kind::Pool => "pool",
            Kind::Outcome => "outcome",
            Kind::Object => "object",
        }
    }
}

/// What bytes are written into, one thing after the other.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    #[inline]
    pub(crate) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    #[inline]
    pub(crate) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    #[inline]
    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    #[inline]
    pub(crate) fn bool(&mut self, is_so: bool) {
        self.u8(u8::from(is_so));
    }

    #[inline]
    pub(crate) fn count(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    #[inline]
    pub(crate) fn id(&mut self, id: ObjectId) {
        self.u32(id.index);
        self.u64(id.generation);
    }

    /// The head of a request.
    #[inline]
    pub(crate) fn header(&mut self, number: u32, op: Op, id: ObjectId, type_id: TypeId) {
        self.u32(number);
        self.u8(op as u8);
        self.id(id);
        self.u32(type_id);
    }

    /// Bytes behind their number.
    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Bytes to the end.
    #[inline]
    pub(crate) fn rest(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Writes something behind the number of its bytes.
    pub(crate) fn sized<E>(&mut self, write: impl FnOnce(&mut Writer) -> Result<(), E>) -> Result<(), E> {
        let mut part = Writer::default();
        write(&mut part)?;
        self.bytes(&part.0);
        Ok(())
    }
}

/// What bytes are read from, which come from another process and may be anything.
#[derive(Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

/// The bytes are not what the operation asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Malformed;

impl<'a> Reader<'a> {
    #[inline]
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N).map(|bytes| bytes.try_into().expect("as many as were taken"))
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline]
    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.u8()? != 0)
    }

    #[inline]
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.u8()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).map_err(|_| Malformed);
            }
        }
        Err(Malformed)
    }

    #[inline]
    pub(crate) fn id(&mut self) -> Result<ObjectId, Malformed> {
        Ok(ObjectId { index: self.u32()?, generation: self.u64()? })
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let n = self.count()?;
        self.take(n)
    }

    #[inline]
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Failure {
        Failure::Malformed
    }
}

impl From<Malformed> for CallError {
    fn from(_: Malformed) -> CallError {
        CallError::Protocol
    }
}

/// How a call went, in a reply.
pub(crate) const WENT_WELL: u8 = 0;

/// Time that is left, as it travels: none that ends is this.
pub(crate) const FOR_EVER: u64 = u64::MAX;

/// The manager itself, in the place of an object.
pub(crate) fn root() -> ObjectId {
    ObjectId { index: ROOT, generation: 0 }
}

/// Its place.
pub(crate) const ROOT: u32 = u32::MAX;
