//! The publishers and subscribers of iceoryx2, which look for messages without ever sleeping.
//!
//! # Safety
//!
//! What is taken as bytes is memory of iceoryx2's, mapped new and thus zero at first, and any bytes are bytes.
#![allow(unsafe_code)]

use super::crew::{Kind, Outcome};
use super::way::{Get, Message, Put, Way};
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{BackpressureStrategy, LogLevel, Node, NodeBuilder, ServiceName, ipc, set_log_level};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// What is done when a subscriber is slow: nothing is lost.
const WAIT: BackpressureStrategy = BackpressureStrategy::RetryUntilDelivered;
/// How many loaned messages are under way at most. Two who take turns need one.
const N_LOANS: usize = 2;

/// A service for numbers, by its name. Nothing is made before an end is asked for.
pub(super) struct Iceoryx {
    name: String,
    capacity: usize,
}

/// A service for messages of one size, which are made in its memory and read there.
pub(super) struct IceoryxLoans {
    name: String,
    size: usize,
}

/// Where numbers go in and where they come out.
pub(super) struct Publishing(Publisher<ipc::Service, u64, ()>);
pub(super) struct Subscribed(Subscriber<ipc::Service, u64, ()>);

/// Where messages go in and where they come out, and how long they are.
pub(super) struct PublishingLoans(Publisher<ipc::Service, [u8], ()>, usize);
pub(super) struct SubscribedLoans(Subscriber<ipc::Service, [u8], ()>, usize);

impl Iceoryx {
    pub(super) fn new(capacity: usize) -> Iceoryx {
        Iceoryx { name: unique_name(), capacity }
    }
}

impl IceoryxLoans {
    /// For messages of `size` bytes.
    pub(super) fn new(size: usize) -> IceoryxLoans {
        IceoryxLoans { name: unique_name(), size }
    }
}

impl Way for Iceoryx {
    type Putter = Publishing;
    type Getter = Subscribed;

    const NAME: &'static str = "iceoryx2";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Publishing> {
        let service = node()?.service_builder(&service_name(&self.name)?).publish_subscribe::<u64>();
        let service = service.subscriber_max_buffer_size(self.capacity).enable_safe_overflow(false);
        let service = service.open_or_create()?;
        Ok(Publishing(service.publisher_builder().backpressure_strategy(WAIT).create()?))
    }

    fn getter(&self) -> Outcome<Subscribed> {
        let service = node()?.service_builder(&service_name(&self.name)?).publish_subscribe::<u64>();
        let service = service.subscriber_max_buffer_size(self.capacity).enable_safe_overflow(false);
        Ok(Subscribed(service.open_or_create()?.subscriber_builder().create()?))
    }
}

impl Way for IceoryxLoans {
    type Putter = PublishingLoans;
    type Getter = SubscribedLoans;

    const NAME: &'static str = "iceoryx2";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<PublishingLoans> {
        let service = node()?.service_builder(&service_name(&self.name)?).publish_subscribe::<[u8]>();
        let service = service.subscriber_max_buffer_size(N_LOANS).enable_safe_overflow(false);
        let service = service.open_or_create()?;
        let publisher = service.publisher_builder().initial_max_slice_len(self.size);
        Ok(PublishingLoans(publisher.backpressure_strategy(WAIT).create()?, self.size))
    }

    fn getter(&self) -> Outcome<SubscribedLoans> {
        let service = node()?.service_builder(&service_name(&self.name)?).publish_subscribe::<[u8]>();
        let service = service.subscriber_max_buffer_size(N_LOANS).enable_safe_overflow(false);
        Ok(SubscribedLoans(service.open_or_create()?.subscriber_builder().create()?, self.size))
    }
}

impl Put for Publishing {
    fn put(&mut self, number: u64) -> Outcome {
        self.0.loan_uninit()?.write_payload(number).send()?;
        Ok(())
    }
}

impl Get for Subscribed {
    fn get(&mut self) -> Outcome<u64> {
        loop {
            if let Some(sample) = self.0.receive()? {
                return Ok(*sample);
            }
            std::hint::spin_loop();
        }
    }
}

impl Put for PublishingLoans {
    fn put(&mut self, number: u64) -> Outcome {
        let sample = self.0.loan_slice_uninit(self.1)?;
        // SAFETY: the memory is mapped, and any bytes are bytes.
        let mut sample = unsafe { sample.assume_init() };
        Message::write(sample.payload_mut(), number);
        sample.send()?;
        Ok(())
    }
}

impl Get for SubscribedLoans {
    fn get(&mut self) -> Outcome<u64> {
        loop {
            if let Some(sample) = self.0.receive()? {
                return Message::number_of(&sample, self.1);
            }
            std::hint::spin_loop();
        }
    }
}

/// No other service has it, not even one that a killed run has left behind.
fn unique_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("ipc-bench/{}/{}", std::process::id(), COUNT.fetch_add(1, Relaxed))
}

fn service_name(name: &str) -> Outcome<ServiceName> {
    Ok(ServiceName::new(name)?)
}

/// The ports of a node keep it alive.
fn node() -> Outcome<Node<ipc::Service>> {
    set_log_level(LogLevel::Error);
    Ok(NodeBuilder::new().create::<ipc::Service>()?)
}
