//! tmp
#![allow(unsafe_code)]
use ipc_process::*;
use ipc_pipe::*;
use std::sync::atomic::*;
use std::time::Duration;
use ipc_testkit::isolated_within;
#[test]
fn zombies() {
    isolated_within(Duration::from_secs(100), || {
        ipc_process::init();
        for _ in 0..20000 {
            let result = Builder::new().executable("/no/such/program").spawn(|(): ()| (), ());
            assert!(result.is_err());
        }
        println!("ZOMBIES {}", ipc_testkit::proc::children().len());
    });
}
#[test]
fn eof_race() {
    static STOP: AtomicBool = AtomicBool::new(false);
    static BAD: AtomicU64 = AtomicU64::new(0);
    static N: AtomicU64 = AtomicU64::new(0);
    fn hang(go: Receiver<()>) { let _ = go.recv(); }
    isolated_within(Duration::from_secs(100), || {
        ipc_process::init();
        let t = std::thread::spawn(|| {
            while !STOP.load(Ordering::Relaxed) {
                let (tx, rx) = simplex::<u8>().unwrap();
                drop(tx);
                N.fetch_add(1, Ordering::Relaxed);
                if matches!(rx.recv_timeout(Duration::from_millis(500)), Err(RecvTimeoutError::TimedOut)) { BAD.fetch_add(1, Ordering::Relaxed); }
            }
        });
        let mut ps = vec![];
        let mut holds = vec![];
        for _ in 0..400 {
            let (hold, go) = simplex::<()>().unwrap();
            ps.push(unsafe { Builder::new().method(StartMethod::Fork).spawn_despite_threads(hang, go) }.unwrap());
            holds.push(hold);
        }
        STOP.store(true, Ordering::Relaxed);
        t.join().unwrap();
        println!("BAD {:?} of {:?}", BAD, N);
        drop(holds);
        for p in ps { p.join().unwrap(); }
    });
}
