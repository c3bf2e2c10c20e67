//! Tables of handles that no encoder makes: indices that are missing, used twice, too many or shared by what does not share. A
//! value is accepted exactly if each handle is taken as the format says, gets the handle it names, and nothing stays open.

use ipc_codec::handle::{Handle, deserialize_shared};
use ipc_codec::{Limits, decode, encode};
use ipc_sys::handle::OwnedHandle;
use ipc_testkit::leaks::Snapshot;
use ipc_testkit::{Rng, fuzz, isolated_within};
use serde::{Deserialize, Deserializer};
use std::convert::Infallible;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::rc::Rc;

/// The most handles that the receiver takes. Some messages bring more.
const MAX_HANDLES: usize = 6;

/// A handle that others of its kind share.
#[derive(Clone)]
struct SharedHandle(Rc<OwnedHandle>);

impl<'de> Deserialize<'de> for SharedHandle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SharedHandle, D::Error> {
        let open = |handle| Ok::<_, Infallible>(SharedHandle(Rc::new(handle)));
        deserialize_shared(open, deserializer)
    }
}

/// A place in the value that names a handle by its index.
#[derive(Deserialize)]
enum Place {
    Own(Handle<OwnedHandle>),
    Shared(SharedHandle),
}

impl Place {
    fn descriptor(&self) -> i32 {
        match self {
            Place::Own(handle) => handle.as_raw_fd(),
            Place::Shared(SharedHandle(handle)) => handle.as_raw_fd(),
        }
    }
}

/// The same place as its bytes have it: whether it shares, and which handle.
type Written = (bool, u32);

/// Mostly an index that there is, now and then the next one, or any.
fn index(rng: &mut Rng, n_handles: usize) -> u32 {
    match rng.below(20) {
        0 => n_handles as u32,
        1 => *rng.pick(&[252, 253, 254, u32::from(u16::MAX), i32::MAX as u32, u32::MAX]),
        _ => rng.below(n_handles.max(1) as u64) as u32,
    }
}

/// Places for a table of so many handles, which begin as they should be.
fn places(rng: &mut Rng, n_handles: usize) -> Vec<Written> {
    let mut places: Vec<Written> = (0..n_handles as u32).map(|index| (rng.one_in(2), index)).collect();
    for _ in 0..rng.below(4) {
        let at = rng.below(places.len() as u64 + 1) as usize;
        match rng.below(4) {
            0 => places.insert(at, (true, index(rng, n_handles))),
            1 => places.insert(at, (rng.one_in(2), index(rng, n_handles))),
            2 if at < places.len() => drop(places.remove(at)),
            _ if at < places.len() => places[at] = (rng.one_in(2), index(rng, n_handles)),
            _ => places.push((false, index(rng, n_handles))),
        }
    }
    rng.shuffle(&mut places);
    places
}

/// What the format says: each index is there, its handle belongs to one place or to places that all share, and none is left.
fn is_sound(places: &[Written], n_handles: usize) -> bool {
    let takers = |index: u32| places.iter().filter(move |place| place.1 == index);
    let is_taken_well = |index: u32| match takers(index).count() {
        0 => false,
        1 => true,
        _ => takers(index).all(|&(is_shared, _)| is_shared),
    };
    n_handles <= MAX_HANDLES
        && places.iter().all(|&(_, index)| (index as usize) < n_handles)
        && (0..n_handles as u32).all(is_taken_well)
}

/// Decodes these places with a table of so many handles; whether they were accepted.
fn check(places: &[Written], n_handles: usize) -> bool {
    let limits = Limits { max_handles: MAX_HANDLES, ..Limits::default() };
    let table: Vec<OwnedHandle> = (0..n_handles).map(|_| null()).collect();
    let numbers: Vec<i32> = table.iter().map(AsRawFd::as_raw_fd).collect();
    // The discriminant of a place, and the index, are written as the numbers that they are.
    let written: Vec<(u32, u32)> =
        places.iter().map(|&(is_shared, index)| (u32::from(is_shared), index)).collect();
    let bytes = encode(&written, &limits).expect("plain data").into_parts().0;
    let result = decode::<Vec<Place>>(&bytes, table, &limits);
    assert_eq!(result.is_ok(), is_sound(places, n_handles), "{n_handles} handles for {places:?}");
    let Ok(decoded) = result else { return false };
    for (place, &(_, index)) in decoded.iter().zip(places) {
        assert_eq!(place.descriptor(), numbers[index as usize], "the wrong handle: {places:?}");
    }
    true
}

fn null() -> OwnedHandle {
    File::open("/dev/null").expect("it is there").into()
}

#[test]
fn mutated_tables() {
    isolated_within(fuzz::limit(), || {
        let before = Snapshot::take();
        let mut n_accepted = 0;
        let n_rounds = fuzz::rounds(20_000, |rng| {
            let n_handles = rng.below(MAX_HANDLES as u64 + 2) as usize;
            let places = places(rng, n_handles);
            n_accepted += u64::from(check(&places, n_handles));
        });
        before.assert_no_growth();
        assert!(
            n_rounds < 1000 || (n_rounds / 20..n_rounds).contains(&n_accepted),
            "{n_accepted} of {n_rounds}"
        );
    });
}

/// Any bytes at all beside a table of any size.
#[test]
fn mutated_payloads_beside_tables() {
    isolated_within(fuzz::limit(), || {
        let limits = Limits { max_handles: MAX_HANDLES, ..Limits::default() };
        let before = Snapshot::take();
        fuzz::rounds(20_000, |rng| {
            let n_handles = *rng.pick(&[0, 1, 3, MAX_HANDLES, MAX_HANDLES + 1, 254]);
            let mut bytes = vec![3, 0, 0, 1, 1, 1, 2];
            fuzz::mutate(rng, &mut bytes);
            // Beyond the limit nothing is read; the many handles are rare since making them takes longest.
            let n_handles = if n_handles == 254 && !rng.one_in(50) { 3 } else { n_handles };
            let table = (0..n_handles).map(|_| null()).collect();
            let result = decode::<Vec<Place>>(&bytes, table, &limits);
            assert!(result.is_err() || n_handles <= MAX_HANDLES, "{n_handles} handles, {bytes:02x?}");
        });
        before.assert_no_growth();
    });
}
