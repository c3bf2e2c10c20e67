//! A list of small values of different kinds in shared memory, as CPython has it: [`ShareableList`].

mod element;
mod error;
mod image;
mod item;
mod iter;
mod layout;
mod tag;
mod transfer;

pub use error::{Corruption, GetError, NewListError, OpenListError, SetError};
pub use item::Item;
pub use iter::Iter;

use crate::shared_memory::{PATIENCE, SharedMemory};
use element::Element;
use image::Image;
use ipc_sys::clock::Deadline;
use ipc_sys::named::Access;
use layout::Layout;
use std::time::Duration;

/// A list of numbers, texts, bytes and nothings in shared memory, which Python programs can open, too.
///
/// The list has as many elements as it was made with. Each has a *slot* of the size that its first value needs: eight
/// bytes, or for texts and bytes the next multiple of eight that is larger than their length. Any value that fits may
/// be stored there later, also of another kind.
///
/// Indices count from the front and are checked. There are no negative ones: the last element is `len() - 1`.
///
/// # Other processes
///
/// There is no lock. An element is read and changed by itself, and while another process changes it:
///
/// - a number that becomes another number of its kind is the old one or the new one;
/// - anything else is the old value, [`Item::None`], or the new value; and `None` for ever if the process is killed
///   before it is done, until somebody stores a value;
/// - only a text that is changed several times while it is read can be found in pieces, or one that two processes change at
///   a time. Those who cannot have that agree on a lock.
///
/// Whatever stands in the memory, a call returns a value or an error, and touches nothing outside the list.
///
/// A list can be sent in messages of the family, and forked children have it, as [`SharedMemory`].
///
/// # Platform
///
/// The layout is that of CPython 3.10 and later on the same machine, to the byte; `docs/segment-format.md` has it as a
/// table. Where the two differ in what they make of it:
///
/// - Zeros at the end of texts and bytes are kept here. CPython's reader strips them, of whatever it reads. And if it
///   stores something longer over such a value, it cuts that to the length of the old one.
/// - A text has room for its bytes here. CPython counts characters: it makes slots too small for texts that are not ASCII,
///   and stores them cut. Such a text is [`GetError::NotUtf8`] when the cut went through a character.
///
/// # Examples
///
/// ```
/// use ipc_shared::{Item, ShareableList};
///
/// let list = ShareableList::new([Item::from("howdy"), Item::from(-273.154), Item::from(100), Item::None])?;
/// assert_eq!(list.get(0)?, Item::from("howdy"));
/// list.set(2, 42)?;
/// list.set(3, true)?;
/// assert_eq!(list.to_vec()?[2..], [Item::Int(42), Item::Bool(true)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ShareableList {
    memory: SharedMemory,
    layout: Layout,
}

impl ShareableList {
    /// Makes a list of these elements, in memory without a name.
    ///
    /// # Errors
    ///
    /// [`NewListError`].
    pub fn new<I: IntoIterator<Item: Into<Item>>>(items: I) -> Result<ShareableList, NewListError> {
        let image = Image::new(items)?;
        let memory = SharedMemory::unnamed(image.size())?;
        image.write_to(memory.bytes());
        Ok(ShareableList { memory, layout: image.layout() })
    }

    /// Makes a list of these elements under a name. The name appears when the list is whole.
    ///
    /// # Errors
    ///
    /// [`NewListError`]; [`CreateError`](crate::shared_memory::CreateError) in it tells that the name is taken.
    ///
    /// # Examples
    ///
    /// What does a Python program do to open it?
    ///
    /// ```
    /// use ipc_shared::ShareableList;
    ///
    /// let name = format!("multiproc-limits-{}", std::process::id());
    /// let limits = ShareableList::create(&name, [10, 20, 30])?;
    /// // from multiprocessing.shared_memory import ShareableList
    /// // limits = ShareableList(name=name)
    /// let there = ShareableList::open(&name)?;
    /// assert_eq!(there.get(1)?, limits.get(1)?);
    /// limits.memory().unlink()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create<I: IntoIterator<Item: Into<Item>>>(
        name: &str,
        items: I,
    ) -> Result<ShareableList, NewListError> {
        let image = Image::new(items)?;
        let memory = SharedMemory::create_filled(name, image.size(), |bytes| image.write_to(bytes))?;
        Ok(ShareableList { memory, layout: image.layout() })
    }

    /// Opens the list that has a name.
    ///
    /// # Blocking
    ///
    /// If the list is not whole yet, for 0.9 seconds at most, until it is. CPython fills a list after its name is
    /// there.
    ///
    /// # Errors
    ///
    /// [`OpenListError`].
    pub fn open(name: &str) -> Result<ShareableList, OpenListError> {
        ShareableList::open_with(name, Access::ReadWrite)
    }

    /// Opens the list that has a name, for reading only.
    ///
    /// # Blocking
    ///
    /// As [`open`](ShareableList::open).
    ///
    /// # Errors
    ///
    /// [`OpenListError`].
    pub fn open_read_only(name: &str) -> Result<ShareableList, OpenListError> {
        ShareableList::open_with(name, Access::ReadOnly)
    }

    /// Takes memory that holds a list.
    ///
    /// # Errors
    ///
    /// [`OpenListError::NoList`]; [`OpenListError::Stale`] when the list is not whole.
    pub fn from_memory(memory: SharedMemory) -> Result<ShareableList, OpenListError> {
        let layout = image::read_whole(memory.bytes())?.ok_or(OpenListError::Stale)?;
        Ok(ShareableList { memory, layout })
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory of the list, with its name and its handle.
    pub fn memory(&self) -> &SharedMemory {
        &self.memory
    }

    /// The value of an element.
    ///
    /// # Errors
    ///
    /// [`GetError`].
    pub fn get(&self, index: usize) -> Result<Item, GetError> {
        self.element(index)?.get()
    }

    /// Stores a value in the slot of an element.
    ///
    /// # Errors
    ///
    /// [`SetError`], with the value. The element is as before.
    ///
    /// # Other processes
    ///
    /// What they find meanwhile stands at [`ShareableList`].
    pub fn set(&self, index: usize, value: impl Into<Item>) -> Result<(), SetError> {
        let item = value.into();
        if index >= self.len() {
            return Err(SetError::OutOfRange { index, len: self.len(), item });
        }
        if !self.memory.is_writable() {
            return Err(SetError::ReadOnly { item });
        }
        let element = match Element::new(self.memory.bytes(), self.layout, index) {
            Ok(element) => element,
            Err(found) => return Err(SetError::Corrupt { index, found, item }),
        };
        let room = element.slot.size;
        let fits = tag::payload(&item).len() <= room;
        let Some(format) = tag::tag(&item, room).0.encode().filter(|_| fits) else {
            return Err(SetError::DoesNotFit { index, room, item });
        };
        element.set(&item, format).map_err(|error| SetError::Corrupt { index, found: error.into(), item })
    }

    /// All values, one element read after the other.
    ///
    /// # Errors
    ///
    /// The first [`GetError`].
    pub fn to_vec(&self) -> Result<Vec<Item>, GetError> {
        self.iter().collect()
    }

    /// The values, each read when its turn comes.
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self)
    }

    /// How many elements have this value. Unlike in Python, a number is not equal to one of another kind.
    ///
    /// # Errors
    ///
    /// [`GetError`], if an element cannot be read.
    pub fn count(&self, value: impl Into<Item>) -> Result<usize, GetError> {
        let wanted = value.into();
        self.iter().try_fold(0, |count, item| Ok(count + usize::from(item? == wanted)))
    }

    /// The first element that has this value, if there is one.
    ///
    /// # Errors
    ///
    /// [`GetError`], if an element before it cannot be read.
    pub fn index(&self, value: impl Into<Item>) -> Result<Option<usize>, GetError> {
        let wanted = value.into();
        for (index, item) in self.iter().enumerate() {
            if item? == wanted {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// The formats of all elements in the words of Python's `struct`, one after the other, as Python's `format` has
    /// them.
    ///
    /// # Errors
    ///
    /// [`GetError`], if something that is no format stands where one should.
    pub fn format(&self) -> Result<String, GetError> {
        (0..self.len()).map(|index| self.element(index)?.format()).collect()
    }

    fn open_with(name: &str, access: Access) -> Result<ShareableList, OpenListError> {
        let deadline = Deadline::after(PATIENCE);
        let memory = SharedMemory::open_until(name, access, deadline)?;
        loop {
            match image::read_whole(memory.bytes())? {
                Some(layout) => return Ok(ShareableList { memory, layout }),
                None if deadline.is_over() => return Err(OpenListError::Stale),
                None => std::thread::sleep(deadline.remaining_at_most(Duration::from_millis(1))),
            }
        }
    }

    fn element(&self, index: usize) -> Result<Element<'_>, GetError> {
        if index >= self.len() {
            return Err(GetError::OutOfRange { index, len: self.len() });
        }
        Element::new(self.memory.bytes(), self.layout, index)
            .map_err(|found| GetError::Corrupt { index, found })
    }
}

impl<'a> IntoIterator for &'a ShareableList {
    type Item = Result<Item, GetError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
