//! Waiting for the descriptor of a queue, while others take the items.

use ipc_codec::handle::Handle;
use ipc_codec::{Limits, encode};
use ipc_queue::Queue;
use ipc_sys::clock::Deadline;
use ipc_sys::handle::OwnedHandle;
use ipc_sys::readiness::{Interest, wait_one};
use ipc_testkit::isolated;
use serde::{Deserialize, Serialize};
use std::fs::File;

#[derive(Serialize, Deserialize)]
enum Item {
    Number(u32),
    File(Handle<OwnedHandle>),
}

/// The word of an item lies in the same row as the handles of others, and whoever takes those takes it out. Who had not seen it yet
/// was never told of anything again, though there were items.
#[test]
fn the_word_of_an_item_that_another_takes_out() {
    isolated(|| {
        let queue: Queue<Item> = Queue::bounded(10).expect("there is memory");
        let message = encode(&queue, &Limits::default()).expect("it is small");
        let other: Queue<Item> = message.decode(&Limits::default()).expect("it is a queue");
        let pollable = other.pollable().expect("there are descriptors");

        queue.put(Item::Number(1)).expect("there is room");
        let file: OwnedHandle = File::open("/dev/null").expect("it is there").into();
        queue.put(Item::File(Handle::new(file))).expect("there is room");
        assert!(matches!(queue.get(), Ok(Item::Number(1))));
        assert!(matches!(queue.get(), Ok(Item::File(_))));
        queue.put(Item::Number(2)).expect("there is room");

        assert!(wait_one(pollable, Interest::Read, Deadline::NEVER).expect("it can be waited for"));
        assert!(matches!(other.try_get(), Ok(Item::Number(2))));
    });
}

/// Whoever waits without end looks again after a while, in case that whoever had an item for it was killed before it said so.
#[test]
fn an_armed_descriptor_has_its_owner_look_again() {
    isolated(|| {
        let queue: Queue<u32> = Queue::bounded(1).expect("there is memory");
        let pollable = queue.pollable().expect("there are descriptors");
        for _ in 0..3 {
            assert!(wait_one(pollable, Interest::Read, Deadline::NEVER).expect("it can be waited for"));
            assert!(queue.try_get().is_err());
        }
    });
}
