//! The environment of a child: that of its parent, changed.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Changes to an environment, in no order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct EnvChanges {
    clear: bool,
    /// A value to set, or none to remove.
    changes: BTreeMap<OsString, Option<OsString>>,
}

impl EnvChanges {
    pub(crate) fn set(&mut self, name: OsString, value: OsString) {
        self.changes.insert(name, Some(value));
    }

    pub(crate) fn remove(&mut self, name: OsString) {
        self.changes.insert(name, None);
    }

    pub(crate) fn clear(&mut self) {
        self.clear = true;
        self.changes.clear();
    }

    /// Whether the environment stays as it is.
    pub(crate) fn is_empty(&self) -> bool {
        !self.clear && self.changes.is_empty()
    }

    /// The whole environment of the child.
    pub(crate) fn apply(&self) -> BTreeMap<OsString, OsString> {
        let mut variables: BTreeMap<_, _> =
            if self.clear { BTreeMap::new() } else { std::env::vars_os().collect() };
        for (name, value) in &self.changes {
            match value {
                Some(value) => variables.insert(name.clone(), value.clone()),
                None => variables.remove(name),
            };
        }
        variables
    }

    /// The changes that make `target` out of `base`.
    pub(crate) fn between(
        base: &BTreeMap<OsString, OsString>,
        target: &BTreeMap<OsString, OsString>,
    ) -> EnvChanges {
        let removed = base.keys().filter(|name| !target.contains_key(*name)).map(|name| (name.clone(), None));
        let set = target.iter().filter(|(name, value)| base.get(*name) != Some(*value));
        let set = set.map(|(name, value)| (name.clone(), Some(value.clone())));
        EnvChanges { clear: false, changes: removed.chain(set).collect() }
    }

    /// A name that no environment can hold, if one was asked for.
    pub(crate) fn bad_name(&self) -> Option<&OsStr> {
        let is_bad = |name: &&OsString| {
            let bytes = name.as_encoded_bytes();
            bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0)
        };
        self.changes.keys().find(is_bad).map(OsString::as_os_str)
    }

    /// The name of a value that no environment can hold, if one was asked for.
    pub(crate) fn name_of_bad_value(&self) -> Option<&OsStr> {
        let is_bad = |value: &OsString| value.as_encoded_bytes().contains(&0);
        let bad = self.changes.iter().find(|(_, value)| value.as_ref().is_some_and(is_bad));
        bad.map(|(name, _)| name.as_os_str())
    }
}
