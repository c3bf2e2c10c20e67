//! What holds for one direction of a pipe, be it all the pipe has or one of two.

mod messages;
mod waiting;

pub(crate) use messages::*;
pub(crate) use waiting::*;

use ipc_pipe::{
    Pipe, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// What ends a wait that should not have been needed.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is waited for in vain.
const SHORT: Duration = Duration::from_millis(50);

/// Something to send into.
pub(crate) trait Inlet<T>: Debug + Send + Sync + 'static {
    fn send(&self, value: T) -> Result<(), SendError<T>>;
    fn try_send(&self, value: T) -> Result<(), TrySendError<T>>;
    fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>>;
    fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>>;
}

/// Something to receive from.
pub(crate) trait Outlet<T>: Debug + Send + Sync + 'static {
    fn recv(&self) -> Result<T, RecvError>;
    fn try_recv(&self) -> Result<T, TryRecvError>;
    fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError>;
    fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError>;
    fn poll(&self, timeout: Duration) -> bool;
    fn all(&self) -> Vec<T>;
}

macro_rules! forward {
    ($($Inlet:ty, $Outlet:ty;)*) => {$(
        impl<T: Serialize + 'static> Inlet<T> for $Inlet {
            fn send(&self, value: T) -> Result<(), SendError<T>> {
                self.send(value)
            }
            fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
                self.try_send(value)
            }
            fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
                self.send_timeout(value, timeout)
            }
            fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
                self.send_deadline(value, deadline)
            }
        }

        impl<T: DeserializeOwned + 'static> Outlet<T> for $Outlet {
            fn recv(&self) -> Result<T, RecvError> {
                self.recv()
            }
            fn try_recv(&self) -> Result<T, TryRecvError> {
                self.try_recv()
            }
            fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
                self.recv_timeout(timeout)
            }
            fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
                self.recv_deadline(deadline)
            }
            fn poll(&self, timeout: Duration) -> bool {
                self.poll(timeout).expect("a handle can be waited for")
            }
            fn all(&self) -> Vec<T> {
                self.iter().map(|value| value.expect("a value")).collect()
            }
        }
    )*};
}

// The other direction of the duplex pipe has a type of its own, so that none is taken for the other.
forward! {
    Sender<T>, Receiver<T>;
    Pipe<T, [u8; 3]>, Pipe<[u8; 3], T>;
}

/// Makes one test per body for a way to make the two ends.
macro_rules! suite {
    ($make:expr) => {
        $crate::suite::suite! { $make;
            messages_come_in_order
            values_of_any_type_arrive
            empty_messages_are_messages
            try_recv_does_not_wait
            a_full_pipe_gives_the_value_back_and_has_room_again
            receiving_times_out_not_before_the_time
            sending_times_out_not_before_the_time
            what_is_there_is_received_though_the_time_is_over
            the_end_comes_after_all_messages
            a_blocked_receiver_wakes_for_a_message
            a_blocked_receiver_wakes_for_the_end
            a_blocked_sender_wakes_for_room
            a_blocked_sender_wakes_for_the_end
            values_come_back_when_nobody_receives
            a_value_that_does_not_encode_comes_back_and_sends_nothing
            a_message_that_does_not_decode_is_gone_alone
            polling_consumes_nothing
            encoding_may_use_pipes
        }
    };
    ($make:expr; $($name:ident)*) => {$(
        #[test]
        fn $name() {
            let _guard = ipc_testkit::watchdog(std::time::Duration::from_secs(60));
            $crate::suite::$name($make.expect("a pipe"));
        }
    )*};
}
pub(crate) use suite;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Item {
    Number(u64),
    Text(String),
    Unfit(Unfit),
    Unwelcome(Unwelcome),
}

/// Cannot be serialized.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Unfit;

impl Serialize for Unfit {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not fit to travel"))
    }
}

/// Cannot be deserialized.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Unwelcome(String);

impl<'de> Deserialize<'de> for Unwelcome {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?;
        Err(serde::de::Error::custom("not welcome"))
    }
}

type Ends = (Box<dyn Inlet<Item>>, Box<dyn Outlet<Item>>);

/// The two ends, as the bodies take them.
pub(crate) fn boxed(
    (inlet, outlet): (impl Inlet<Item> + 'static, impl Outlet<Item> + 'static),
) -> (Box<dyn Inlet<Item>>, Box<dyn Outlet<Item>>) {
    (Box::new(inlet), Box::new(outlet))
}

fn text(size: usize) -> Item {
    Item::Text("x".repeat(size))
}

/// Sends until there is no room; how many messages went in.
fn fill(inlet: &dyn Inlet<Item>) -> u64 {
    for number in 0.. {
        match inlet.try_send(Item::Number(number)) {
            Ok(()) => {}
            Err(TrySendError::Full(Item::Number(back))) if back == number => return number,
            Err(error) => panic!("{error:?}"),
        }
    }
    unreachable!("no pipe takes so many");
}
