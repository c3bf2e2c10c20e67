//! Which listener a handshake is with, as both sides know it without having to believe each other.

use ipc_sys::rendezvous::Identity;
use std::net::{IpAddr, SocketAddr};

/// The name of a listener in a handshake. It is part of what is signed, so that what was said to one listener is worth nothing
/// at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The file of a local socket, whatever path leads to it.
    Local(Identity),
    /// A TCP address: the one to which the client connected, and the one at which the listener was reached.
    Tcp(SocketAddr),
    /// An encrypted channel: a number that its two ends alone can make of it.
    Channel([u8; SIZE - 1]),
}

/// The size of an endpoint in bytes.
pub(crate) const SIZE: usize = 19;

impl Endpoint {
    pub(crate) fn to_bytes(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        match self {
            Endpoint::Local(identity) => {
                bytes[0] = 1;
                bytes[1..9].copy_from_slice(&identity.device.to_le_bytes());
                bytes[9..17].copy_from_slice(&identity.number.to_le_bytes());
            }
            Endpoint::Tcp(address) => {
                bytes[0] = 2;
                // A listener for both versions sees a client of version 4 under a mapped address.
                let ip = match address.ip() {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                bytes[1..17].copy_from_slice(&ip.octets());
                bytes[17..19].copy_from_slice(&address.port().to_le_bytes());
            }
            Endpoint::Channel(number) => {
                bytes[0] = 3;
                bytes[1..].copy_from_slice(&number);
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_the_same() {
        let plain = Endpoint::Tcp("127.0.0.1:80".parse().unwrap());
        let mapped = Endpoint::Tcp("[::ffff:127.0.0.1]:80".parse().unwrap());
        assert_eq!(plain.to_bytes(), mapped.to_bytes());
    }

    #[test]
    fn different_endpoints_differ() {
        let endpoints = [
            Endpoint::Tcp("127.0.0.1:80".parse().unwrap()),
            Endpoint::Tcp("127.0.0.1:81".parse().unwrap()),
            Endpoint::Tcp("[::1]:80".parse().unwrap()),
            Endpoint::Local(Identity { device: 1, number: 2 }),
            Endpoint::Local(Identity { device: 2, number: 1 }),
            Endpoint::Channel([1; 18]),
            Endpoint::Channel([2; 18]),
        ];
        for (idx, one) in endpoints.iter().enumerate() {
            for other in &endpoints[idx + 1..] {
                assert_ne!(one.to_bytes(), other.to_bytes());
            }
        }
    }
}
