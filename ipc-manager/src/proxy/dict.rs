//! Dicts.

use super::contents::{Entries, Optional};
use super::number::Number;
use super::pages::{PAGE_SIZE, pages};
use super::{no_args, no_reply, proxy};
use crate::client::{Reply, Request};
use crate::error::CallError;
use crate::wire::Op;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

proxy! {
    /// A dict: values under keys, in the order in which the keys came. Made by [`Host::dict`](crate::Host::dict).
    ///
    /// Keys are equal when their encodings are. `Eq + Hash` leaves floats, maps and unordered sets out; where a type says by its own `Eq`
    /// that different encodings are equal, they are different keys here.
    ///
    /// Each call is one step. To [`get`](Dict::get) a value and [`set`](Dict::set) it are two, and what others set in between is lost, as with
    /// Python's `d["n"] += 1`: for that there are [`fetch_add`](Dict::fetch_add), [`update`](Dict::update) and
    /// [`compare_exchange`](Dict::compare_exchange).
    ///
    /// # Examples
    ///
    /// ```
    /// # ipc_process::init();
    /// let manager = ipc_manager::Manager::start()?;
    /// let dict = manager.dict_from([("one".to_string(), 1_u32), ("two".to_string(), 2)])?;
    /// dict.set("three", &3)?;
    /// assert_eq!(dict.get("two")?, Some(2));
    /// assert_eq!(dict.insert("two", &22)?, Some(2));
    /// assert_eq!(dict.get_or_insert("four", &4)?, 4);
    /// assert_eq!(dict.remove("one")?, Some(1));
    /// assert_eq!(dict.keys()?, ["two", "three", "four"]);
    /// assert_eq!(dict.pop()?, Some(("four".to_string(), 4)));
    /// assert_eq!(dict.to_map()?.len(), 2);
    ///
    /// // Changes that nobody comes between.
    /// assert_eq!(dict.fetch_add("visits", 1)?, 0);
    /// assert!(dict.compare_exchange("three", Some(&3), None)?);
    /// let old = dict.update("two", |value: &mut Option<u32>, (): ()| value.take(), ())?;
    /// assert_eq!((old, dict.contains_key("two")?), (Some(22), false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Dict<K, V> of Dict
}

impl<K, V> Dict<K, V>
where
    K: Serialize + DeserializeOwned + Eq + Hash,
    V: Serialize + DeserializeOwned,
{
    /// How many entries there are.
    ///
    /// # Errors
    ///
    /// [`CallError`], as for all methods.
    pub fn len(&self) -> Result<usize, CallError> {
        self.call(Op::Len, no_args, |reply| reply.count())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool, CallError> {
        self.len().map(|len| len == 0)
    }

    /// The value under a key, if there is one.
    #[inline]
    pub fn get<Q: Serialize + ?Sized>(&self, key: &Q) -> Result<Option<V>, CallError>
    where
        K: Borrow<Q>,
    {
        self.call(Op::Get, |request| request.key(key), |reply| reply.option())
    }

    /// Whether there is a value under a key.
    pub fn contains_key<Q: Serialize + ?Sized>(&self, key: &Q) -> Result<bool, CallError>
    where
        K: Borrow<Q>,
    {
        self.call(Op::Contains, |request| request.key(key), |reply| reply.bool())
    }

    /// Puts a value under a key, in the place of the one before.
    #[inline]
    pub fn set<Q, W>(&self, key: &Q, value: &W) -> Result<(), CallError>
    where
        K: Borrow<Q>,
        V: Borrow<W>,
        Q: Serialize + ?Sized,
        W: Serialize + ?Sized,
    {
        self.call(Op::Set, |request| entry(request, key, value), no_reply)
    }

    /// Puts a value under a key, and returns the one before.
    pub fn insert<Q, W>(&self, key: &Q, value: &W) -> Result<Option<V>, CallError>
    where
        K: Borrow<Q>,
        V: Borrow<W>,
        Q: Serialize + ?Sized,
        W: Serialize + ?Sized,
    {
        self.call(Op::Insert, |request| entry(request, key, value), |reply| reply.option())
    }

    /// The value under a key; puts this one there first if there is none.
    pub fn get_or_insert<Q, W>(&self, key: &Q, value: &W) -> Result<V, CallError>
    where
        K: Borrow<Q>,
        V: Borrow<W>,
        Q: Serialize + ?Sized,
        W: Serialize + ?Sized,
    {
        self.call(Op::Entry, |request| entry(request, key, value), |reply| reply.value())
    }

    /// Takes the value under a key away.
    pub fn remove<Q: Serialize + ?Sized>(&self, key: &Q) -> Result<Option<V>, CallError>
    where
        K: Borrow<Q>,
    {
        self.call(Op::Remove, |request| request.key(key), |reply| reply.option())
    }

    /// Takes the entry away whose key came last.
    pub fn pop(&self) -> Result<Option<(K, V)>, CallError> {
        self.call(Op::Pop, no_args, |reply| {
            if !reply.bool()? {
                return Ok(None);
            }
            let key = reply.key()?;
            Ok(Some((key, reply.value()?)))
        })
    }

    /// Puts all entries there, in one call.
    pub fn extend(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<(), CallError> {
        self.call(Op::Extend, |request| request.pairs(entries), no_reply)
    }

    /// Removes all entries.
    pub fn clear(&self) -> Result<(), CallError> {
        self.call(Op::Clear, no_args, no_reply)
    }

    /// All keys as they are at one moment, in the order in which they came.
    pub fn keys(&self) -> Result<Vec<K>, CallError> {
        self.page(0, usize::MAX >> 1, (true, false), |reply| reply.key()).map(|(keys, _)| keys)
    }

    /// All values as they are at one moment.
    pub fn values(&self) -> Result<Vec<V>, CallError> {
        self.page(0, usize::MAX >> 1, (false, true), |reply| reply.sized()).map(|(values, _)| values)
    }

    /// All entries as they are at one moment, in the order in which the keys came.
    ///
    /// # Errors
    ///
    /// [`CallError::Limit`] if they are more than a message can be, which is 64 MiB; [`iter`](Dict::iter) has no limit.
    pub fn to_vec(&self) -> Result<Vec<(K, V)>, CallError> {
        self.page(0, usize::MAX >> 1, (true, true), pair).map(|(entries, _)| entries)
    }

    /// All entries as they are at one moment.
    pub fn to_map(&self) -> Result<HashMap<K, V>, CallError> {
        self.to_vec().map(|entries| entries.into_iter().collect())
    }

    /// The entries one by one, which come in pages. An entry that is there all the time comes once, whatever is put and removed
    /// meanwhile.
    pub fn iter(&self) -> impl Iterator<Item = Result<(K, V), CallError>> + '_ {
        pages(|place| self.page(place, PAGE_SIZE, (true, true), pair))
    }

    /// Changes what is under a key if it is what is expected, as far as encodings tell; whether it was. `None` stands for no value.
    pub fn compare_exchange<Q: Serialize + ?Sized>(
        &self,
        key: &Q,
        expected: Option<&V>,
        new: Option<&V>,
    ) -> Result<bool, CallError>
    where
        K: Borrow<Q>,
    {
        let write = |request: &mut Request<'_>| {
            request.sized_key(key)?;
            request.to.bool(expected.is_some());
            expected.map_or(Ok(()), |value| request.sized(value))?;
            request.to.bool(new.is_some());
            new.map_or(Ok(()), |value| request.value(value))
        };
        self.call(Op::CompareExchange, write, |reply| reply.bool())
    }

    /// Adds to the number under a key, and returns the one before; where there is none, that is zero.
    pub fn fetch_add<Q: Serialize + ?Sized>(&self, key: &Q, by: V) -> Result<V, CallError>
    where
        K: Borrow<Q>,
        V: Number,
    {
        let write = |request: &mut Request<'_>| {
            request.sized_key(key)?;
            request.to.u8(V::TYPE);
            request.sized_key(&V::default())?;
            request.key(&by)
        };
        self.call(Op::Add, write, |reply| reply.value())
    }

    /// Changes what is under a key by a function that runs in the server: it gets the value or `None`, and what it leaves there is kept.
    ///
    /// # Errors
    ///
    /// [`CallError::Panicked`] and [`CallError::Refused`]; the value is as it was before then.
    pub fn update<Q, A, R>(
        &self,
        key: &Q,
        function: fn(&mut Option<V>, A) -> R,
        args: A,
    ) -> Result<R, CallError>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let write = |request: &mut Request<'_>| {
            request.sized_key(key)?;
            request.change::<Optional<V>, A, R>(function, &args)
        };
        self.call(Op::Change, write, |reply| reply.value())
    }

    /// Changes all of it at once by a function that runs in the server. Keys that stay keep their order, new ones come in any.
    ///
    /// # Errors
    ///
    /// As for [`update`](Dict::update).
    pub fn modify<A, R>(&self, function: fn(&mut HashMap<K, V>, A) -> R, args: A) -> Result<R, CallError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let write = |request: &mut Request<'_>| request.change::<Entries<K, V>, A, R>(function, &args);
        self.call(Op::ChangeWhole, write, |reply| reply.value())
    }

    fn page<T>(
        &self,
        place: u64,
        most: usize,
        (has_keys, has_values): (bool, bool),
        mut read: impl FnMut(&mut Reply<'_>) -> Result<T, CallError>,
    ) -> Result<(Vec<T>, Option<u64>), CallError> {
        let write = |request: &mut Request<'_>| {
            request.to.u64(place);
            request.number(most)?;
            request.to.bool(has_keys);
            request.to.bool(has_values);
            Ok(())
        };
        self.call(Op::Page, write, |reply| {
            let next = Some(reply.from.u64()?).filter(|&next| next != u64::MAX);
            let n_entries = reply.from.u32()?;
            let entries = (0..n_entries).map(|_| read(reply)).collect::<Result<_, _>>()?;
            Ok((entries, next))
        })
    }
}

fn pair<K: DeserializeOwned, V: DeserializeOwned>(reply: &mut Reply<'_>) -> Result<(K, V), CallError> {
    let key = reply.key()?;
    Ok((key, reply.sized()?))
}

#[inline]
fn entry<Q, W>(request: &mut Request<'_>, key: &Q, value: &W) -> Result<(), CallError>
where
    Q: Serialize + ?Sized,
    W: Serialize + ?Sized,
{
    request.sized_key(key)?;
    request.value(value)
}
