//! The channel of ipc-channel: serialized messages by sockets.

use super::crew::{Kind, Outcome};
use super::way::{Get, Put, Way};
use ipc_channel::ipc::{IpcReceiver, IpcSender, channel};
use std::sync::Mutex;

/// A channel without a bound. It has one receiver, which goes to the process that asks.
pub(crate) struct Servo(Mutex<IpcSender<u64>>, Mutex<Option<IpcReceiver<u64>>>);

impl Servo {
    pub(crate) fn new() -> Outcome<Servo> {
        let (sender, receiver) = channel()?;
        Ok(Servo(Mutex::new(sender), Mutex::new(Some(receiver))))
    }
}

impl Way for Servo {
    type Putter = IpcSender<u64>;
    type Getter = IpcReceiver<u64>;

    const NAME: &'static str = "ipc-channel";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<IpcSender<u64>> {
        Ok(self.0.lock().map_err(|_| "the sender is lost")?.clone())
    }

    fn getter(&self) -> Outcome<IpcReceiver<u64>> {
        let receiver = self.1.lock().map_err(|_| "the receiver is lost")?.take();
        receiver.ok_or_else(|| "there is one receiver only".into())
    }
}

impl Put for IpcSender<u64> {
    fn put(&mut self, number: u64) -> Outcome {
        Ok(self.send(number)?)
    }
}

impl Get for IpcReceiver<u64> {
    fn get(&mut self) -> Outcome<u64> {
        self.recv().map_err(|error| format!("{error:?}").into())
    }
}
