//! What a type looks like to serde, as a number: by it two programs know at once whether they mean the same messages.
//!
//! The type is decoded from nothing: a decoder that writes down what it is asked for, and answers each question with the
//! smallest thing it can. An enum is asked for again until all its variants have been seen. A type that refuses an answer, a
//! handle say, ends the record there; since the same type refuses at the same place in every process, equal types
//! always have equal numbers, and different types have different ones unless they differ only behind such a place.

mod record;
mod tracer;

use record::Record;
use serde::de::DeserializeOwned;
use tracer::Tracer;

/// How often a type is asked at most for the sake of its enums.
const MAX_PASSES: usize = 256;

/// The number of one type.
pub type Fingerprint = [u8; 16];

/// What one side of a connection sends and receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) sends: Fingerprint,
    pub(crate) receives: Fingerprint,
}

impl Schema {
    pub(crate) fn of<S: DeserializeOwned, R: DeserializeOwned>() -> Self {
        Schema { sends: fingerprint::<S>(), receives: fingerprint::<R>() }
    }

    /// What the other side has to have.
    pub(crate) fn of_peer(self) -> Self {
        Schema { sends: self.receives, receives: self.sends }
    }
}

/// The number of a type.
pub fn fingerprint<T: DeserializeOwned>() -> Fingerprint {
    let mut record = Record::new();
    for _ in 0..MAX_PASSES {
        let result = T::deserialize(Tracer::new(&mut record));
        record.end_pass(result.is_ok());
        if record.is_complete() {
            break;
        }
    }
    record.finish()
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};
    use std::collections::{BTreeMap, HashMap};
    use std::net::IpAddr;
    use std::num::NonZeroU32;

    #[derive(Serialize, Deserialize)]
    struct Point {
        x: u32,
        y: u32,
    }

    #[derive(Serialize, Deserialize)]
    enum Tree {
        Leaf(i64),
        Node(Box<Tree>, Box<Tree>),
        Marked { mark: Option<String>, of: Vec<Tree> },
    }

    mod changed {
        use super::*;

        #[derive(Serialize, Deserialize)]
        pub(super) struct Point {
            y: u32,
            x: u32,
        }

        #[derive(Serialize, Deserialize)]
        pub(super) enum Tree {
            Leaf(i64),
            Node(Box<Tree>, Box<Tree>),
            Marked { mark: Option<String>, of: Vec<super::Point> },
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Endless(Option<Box<Endless>>, Vec<Endless>);

    #[track_caller]
    fn assert_differ<A: DeserializeOwned, B: DeserializeOwned>() {
        assert_ne!(fingerprint::<A>(), fingerprint::<B>());
    }

    #[test]
    fn equal_types_have_equal_numbers() {
        assert_eq!(fingerprint::<Tree>(), fingerprint::<Tree>());
        assert_eq!(fingerprint::<Endless>(), fingerprint::<Endless>());
        assert_eq!(fingerprint::<String>(), fingerprint::<Box<str>>());
        assert_eq!(fingerprint::<HashMap<u8, i8>>(), fingerprint::<BTreeMap<u8, i8>>());
    }

    #[test]
    fn different_types_have_different_numbers() {
        assert_differ::<u32, u64>();
        assert_differ::<u32, i32>();
        assert_differ::<(u8, u16), (u16, u8)>();
        assert_differ::<Vec<u8>, [u8; 4]>();
        assert_differ::<Option<u8>, u8>();
        assert_differ::<String, Vec<u8>>();
        assert_differ::<HashMap<u8, u16>, HashMap<u8, u32>>();
        assert_differ::<NonZeroU32, IpAddr>();
        assert_differ::<(NonZeroU32, u8), (NonZeroU32, i8)>();
        assert_differ::<crate::Sender<u8>, u8>();
    }

    #[test]
    fn order_of_fields_and_depths_of_enums_count() {
        assert_differ::<Point, changed::Point>();
        assert_differ::<Tree, changed::Tree>();
        assert_differ::<Result<u8, Vec<Point>>, Result<u8, Vec<changed::Point>>>();
    }
}
