//! The publishers and subscribers of iceoryx2, which look for messages without ever sleeping.

use super::crew::{Kind, Outcome};
use super::way::{Get, Put, Way};
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{
    BackpressureStrategy, LogLevel, Node, NodeBuilder, ZeroCopySend, ipc, set_log_level,
};
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// A service by its name. Nothing is made before an end is asked for.
pub(super) struct Iceoryx {
    name: String,
    capacity: usize,
}

/// Where numbers go in. The node lives as long as its ports.
pub(super) struct Publishing(Publisher<ipc::Service, u64, ()>, #[expect(dead_code)] Node<ipc::Service>);

/// Where they come out.
pub(super) struct Subscribed(Subscriber<ipc::Service, u64, ()>, #[expect(dead_code)] Node<ipc::Service>);

impl Iceoryx {
    pub(super) fn new(capacity: usize) -> Iceoryx {
        Iceoryx { name: unique_name(), capacity }
    }
}

impl Way for Iceoryx {
    type Putter = Publishing;
    type Getter = Subscribed;

    const NAME: &'static str = "iceoryx2";
    const KIND: Kind = Kind::Processes;

    fn putter(&self) -> Outcome<Publishing> {
        let (node, service) = open::<u64>(&self.name, self.capacity)?;
        let strategy = BackpressureStrategy::RetryUntilDelivered;
        Ok(Publishing(service.publisher_builder().backpressure_strategy(strategy).create()?, node))
    }

    fn getter(&self) -> Outcome<Subscribed> {
        let (node, service) = open::<u64>(&self.name, self.capacity)?;
        Ok(Subscribed(service.subscriber_builder().create()?, node))
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

/// No other service has it, not even one that a killed run has left behind.
fn unique_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("ipc-bench/{}/{}", std::process::id(), COUNT.fetch_add(1, Relaxed))
}

/// The service, where nothing is lost when a subscriber is slow.
fn open<T: ZeroCopySend + std::fmt::Debug>(
    name: &str,
    capacity: usize,
) -> Outcome<(Node<ipc::Service>, PortFactory<ipc::Service, T, ()>)> {
    set_log_level(LogLevel::Error);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let service = node.service_builder(&name.try_into()?).publish_subscribe::<T>();
    let service = service.subscriber_max_buffer_size(capacity).enable_safe_overflow(false);
    let service = service.open_or_create()?;
    Ok((node, service))
}
