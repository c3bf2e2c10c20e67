//! The suite of [`suite`] for each direction of a duplex pipe.

mod suite;

mod there {
    use super::suite;
    suite::suite!(ipc_pipe::pipe().map(suite::boxed));
}

mod back {
    use super::suite;
    suite::suite!(ipc_pipe::pipe().map(|(a, b)| suite::boxed((b, a))));
}

mod halves {
    //! With the other direction closed at both ends.

    use super::suite;
    suite::suite!(ipc_pipe::pipe::<_, [u8; 3]>().map(|(a, b)| suite::boxed((a.split().0, b.split().1))));
}
