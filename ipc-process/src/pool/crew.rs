//! One worker, as the owner sees it: its process, its line, its desk, and the chunks that are on it.

use super::builder::PoolError;
use super::chunk::{Args, Chunk};
use super::desk::{ARGS_SIZE, Desk, N_SLOTS, Place, RESULTS_SIZE};
use super::handle::PoolWorker;
use super::job::{Batch, Content, Failure};
use super::run::HEAD;
use super::stretch::Area;
use super::worker::{Letter, Reply};
use crate::entry::{self, Outcome};
use crate::error::SpawnError;
use crate::process::Process;
use ipc_pipe::internals::Line;
use ipc_pipe::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
use ipc_sys::clock::{Deadline, coarse_milliseconds};
use ipc_sys::handle::duplicate;
use ipc_sys::process::ExitStatus;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a task stays with a worker that does not begin it, when others have nothing to do; in milliseconds.
const PATIENCE: u64 = 50;

/// The process of a worker and the line to it, which the keeper waits for.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) process: Process<()>,
    pub(super) line: Line<Letter, Reply>,
}

impl Drop for Link {
    fn drop(&mut self) {
        // It is this process's own child, so there is nothing that could refuse; and it cannot escape, so the wait ends.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A worker, and what is on its desk.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) link: Arc<Link>,
    desk: Arc<Desk>,
    assigned: VecDeque<Assigned>,
    /// The number of the next chunk.
    next: u32,
    args: Area,
    results: Area,
    /// Outcomes that came by the line, for results on the desk that say so.
    outcomes: VecDeque<Outcome>,
    /// How many letters were taken back that the worker has not passed by yet.
    n_revoked: u32,
    /// Whether something was published that the worker was not told of.
    is_to_be_rung: bool,
    /// Whether it has said that it takes tasks.
    pub(super) has_started: bool,
    /// Until when it has to start; none once it has, or was late.
    start_by: Option<Instant>,
    /// Whether its line still carries anything.
    pub(super) is_linked: bool,
    /// Whether it was told to leave.
    pub(super) is_leaving: bool,
    /// Whether it was told so for no fault of its own.
    pub(super) is_retired: bool,
    /// How many tasks it had.
    pub(super) n_tasks_had: u64,
    /// Since when it has nothing to do.
    pub(super) idle_since: Instant,
    /// The task that it was in when somebody looked, since then at least, and whether it was told that it is overdue.
    seen: Option<(u32, u32, Instant, bool)>,
    /// Why it was killed, if that was for the time that a task took.
    timed_out: Option<Duration>,
    /// Why it ends, if its initializer failed.
    pub(super) unfit: Option<String>,
}

/// What became of a chunk that was to be put on a desk.
#[derive(Debug)]
pub(super) enum Handed {
    Yes,
    NoRoom(Chunk),
    /// It cannot be sent to any worker.
    Unsent(Chunk, Failure),
}

/// A chunk on the desk.
#[derive(Debug)]
struct Assigned {
    number: u32,
    /// None once it was taken back as a whole.
    chunk: Option<Chunk>,
    place: Place,
    /// When it was put there, by the coarse clock.
    since: u64,
}

/// What is left of a worker that died.
#[derive(Debug)]
pub(super) struct Remains {
    /// The task that it was in, as a chunk of its own, and why it fails if not for the death.
    pub(super) begun: Option<(Chunk, Option<Duration>)>,
    /// What it had not begun, the first first.
    pub(super) untouched: Vec<Chunk>,
    /// Why its initializer failed, if it did.
    pub(super) unfit: Option<String>,
    /// Whether it ever said that it takes tasks.
    pub(super) had_started: bool,
}

/// A worker said something that makes no sense, or nothing is as it should be on its desk: it is not to be trusted any more.
#[derive(Debug)]
pub(super) struct Confused;

impl Worker {
    pub(super) fn new(link: Link, desk: Arc<Desk>, start_timeout: Duration) -> Self {
        let now = Instant::now();
        Worker {
            link: Arc::new(link),
            desk,
            assigned: VecDeque::new(),
            next: 0,
            args: Area::new(ARGS_SIZE),
            results: Area::new(RESULTS_SIZE),
            outcomes: VecDeque::new(),
            n_revoked: 0,
            is_to_be_rung: false,
            has_started: false,
            start_by: Some(now + start_timeout),
            is_linked: true,
            is_leaving: false,
            is_retired: false,
            n_tasks_had: 0,
            idle_since: now,
            seen: None,
            timed_out: None,
            unfit: None,
        }
    }

    /// The worker for users to see.
    pub(super) fn to_public(&self) -> Result<PoolWorker, SpawnError> {
        let process = &self.link.process;
        let handle =
            duplicate(process.sentinel()).map_err(SpawnError::os("duplicating a worker's handle"))?;
        Ok(PoolWorker::new(process.name().to_owned(), process.pid(), handle))
    }

    /// How many chunks are on its desk, those included that were taken back and are still in its way.
    pub(super) fn n_chunks(&self) -> usize {
        self.assigned.len()
    }

    /// Whether nothing is on its desk.
    pub(super) fn is_idle(&self) -> bool {
        self.assigned.iter().all(|assigned| assigned.chunk.is_none())
    }

    /// Whether tasks may wait on its desk behind another one.
    pub(super) fn has_tasks_behind(&self) -> bool {
        let is_many = |assigned: &Assigned| assigned.chunk.as_ref().is_some_and(|chunk| chunk.n_tasks > 1);
        self.assigned.len() > 1 || self.assigned.front().is_some_and(is_many)
    }

    /// Whether it takes tasks at all.
    pub(super) fn is_usable(&self) -> bool {
        self.has_started && self.is_linked && !self.is_leaving && self.n_revoked == 0
    }

    /// Whether there is something on the desk that was not collected.
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.assigned.front().is_some_and(|front| self.desk.passed() != front.number)
    }

    /// Puts a chunk on the desk, with so many bytes for each result; gives it back when there is no room.
    pub(super) fn hand(&mut self, chunk: Chunk, result_size: usize) -> Handed {
        if !self.has_room_for(&chunk) {
            return Handed::NoRoom(chunk);
        }
        let (records, is_letter): (&[u8], bool) = match &chunk.args {
            Args::Records(records) => (records, false),
            Args::Letter(_) => (&[], true),
        };
        let name = &*chunk.job.name;
        let args_size = name.len() + records.len();
        let n_tasks = chunk.n_tasks as usize;
        let results_size =
            (n_tasks * (HEAD + result_size) * 5 / 4).min(RESULTS_SIZE / 4).max(n_tasks * HEAD + 56);
        let oldest = self.assigned.front().map(|front| front.place);
        let args_at = self.args.find(args_size, oldest.map(|oldest| oldest.args_at as usize));
        let results_at = self.results.find(results_size, oldest.map(|oldest| oldest.results_at as usize));
        let (Some(args_at), Some(results_at)) = (args_at, results_at) else {
            return Handed::NoRoom(chunk);
        };
        if let Args::Letter(args) = &chunk.args {
            match self.link.line.try_send(Letter { args: Arc::clone(args) }) {
                Ok(()) => {}
                // A full line, or a worker that died just now: somebody else will take it.
                Err(TrySendError::Full(_) | TrySendError::Send(SendError::Closed(_))) => {
                    return Handed::NoRoom(chunk);
                }
                // Too many handles on their way, or no memory for a large task. That passes or it does not; to try for
                // ever would be a hang.
                Err(error) => return Handed::Unsent(chunk, Failure::Unsent(entry::chain(&error))),
            }
        }
        let place = Place {
            args_at: args_at as u32,
            args_size: args_size as u32,
            results_at: results_at as u32,
            results_size: results_size as u32,
            n_tasks: chunk.n_tasks,
            is_letter,
        };
        self.args.take(args_at, args_size);
        self.results.take(results_at, results_size);
        self.desk.publish(self.next, place, &[name, records]);
        self.is_to_be_rung = true;
        self.n_tasks_had += u64::from(chunk.n_tasks);
        self.assigned.push_back(Assigned {
            number: self.next,
            chunk: Some(chunk),
            place,
            since: coarse_milliseconds(),
        });
        self.next = self.next.wrapping_add(1);
        Handed::Yes
    }

    /// A task with handles never lies at hand with a worker that is busy: if it had to be taken back, the handles would stay open
    /// in that worker's line, and whoever waits for their end would wait for that worker, too. Of other letters one lies at hand.
    fn has_room_for(&self, chunk: &Chunk) -> bool {
        let room = match &chunk.args {
            Args::Letter(_) if chunk.has_handles() => 0,
            Args::Letter(_) => 1,
            Args::Records(_) => N_SLOTS as usize - 1,
        };
        self.is_usable() && self.assigned.len() <= room
    }

    /// Wakes the worker if it was given something.
    pub(super) fn ring(&mut self) {
        if std::mem::take(&mut self.is_to_be_rung) {
            self.desk.ring();
        }
    }

    /// From which of its chunks on the worker wakes the owner: the next one, or if that is patient, half of them.
    pub(super) fn wake_at(&self, is_patient: bool) {
        let n_chunks = self.assigned.len() as u32;
        let n_wait = if is_patient { n_chunks.div_ceil(2) } else { 1 };
        self.desk.wake_at(self.next.wrapping_sub(n_chunks).wrapping_add(n_wait));
    }

    /// Takes the results of the chunks that the worker is done with.
    pub(super) fn collect(&mut self, mut deliver: impl FnMut(&Chunk, Batch)) -> Result<(), Confused> {
        let passed = self.desk.passed();
        while let Some(front) = self.assigned.front() {
            // The numbers wrap around.
            if passed.wrapping_sub(front.number).wrapping_sub(1) >= N_SLOTS {
                return Ok(());
            }
            let n_tasks = front.chunk.as_ref().map(|chunk| chunk.n_tasks);
            if n_tasks.is_some_and(|n_tasks| self.desk.done(front.number).n_results != n_tasks) {
                // It stays, to be settled when the worker is dead.
                return Err(Confused);
            }
            let Some(mut front) = self.assigned.pop_front() else { return Ok(()) };
            if let Some(chunk) = front.chunk.take() {
                if self.collect_chunk(front.number, &front.place, &chunk, &mut deliver).is_err() {
                    self.assigned.push_front(Assigned { chunk: Some(chunk), ..front });
                    return Err(Confused);
                }
            }
            if self.assigned.is_empty() {
                self.idle_since = Instant::now();
            }
        }
        Ok(())
    }

    /// Delivers the results of a chunk that are whole; how many.
    fn collect_chunk(
        &mut self,
        number: u32,
        place: &Place,
        chunk: &Chunk,
        deliver: &mut impl FnMut(&Chunk, Batch),
    ) -> Result<u32, Confused> {
        let done = self.desk.done(number);
        if done.n_results > chunk.n_tasks {
            return Err(Confused);
        }
        let n_letters = self.desk.n_letters(number) as usize;
        if n_letters > 0 {
            self.take_letters(n_letters)?;
        }
        let records = self.desk.take_results(place, done.n_bytes).ok_or(Confused)?;
        if done.n_results > 0 {
            let letters = self.outcomes.drain(..n_letters.min(self.outcomes.len())).collect();
            let content = Content::Results { records, letters };
            deliver(chunk, Batch { first: chunk.first, n_tasks: done.n_results as usize, content });
        }
        Ok(done.n_results)
    }

    /// Receives until so many outcomes are there, which were sent before they were counted.
    fn take_letters(&mut self, n_letters: usize) -> Result<(), Confused> {
        while self.outcomes.len() < n_letters && self.listen_once()? {}
        Ok(())
    }

    /// Takes everything that came by the line.
    pub(super) fn listen(&mut self) -> Result<(), Confused> {
        while self.listen_once()? {}
        Ok(())
    }

    /// Takes the next word; whether there was one.
    fn listen_once(&mut self) -> Result<bool, Confused> {
        if !self.is_linked {
            return Ok(false);
        }
        match self.link.line.try_recv() {
            Ok(Reply::Hello) => {
                self.has_started = true;
                self.start_by = None;
                self.idle_since = Instant::now();
            }
            Ok(Reply::News) => {}
            Ok(Reply::Unfit(reason)) => self.unfit = Some(reason),
            Ok(Reply::Begun(number)) => {
                // Nobody else will get this task, and its handles are to be the worker's alone. It may have ended already.
                let assigned = self.assigned.iter_mut().find(|assigned| assigned.number == number);
                if let Some(chunk) = assigned.and_then(|assigned| assigned.chunk.as_mut()) {
                    chunk.args = Args::Letter(Arc::default());
                }
            }
            Ok(Reply::Skipped) => self.n_revoked = self.n_revoked.checked_sub(1).ok_or(Confused)?,
            Ok(Reply::Result(outcome)) => self.outcomes.push_back(outcome),
            Err(TryRecvError::Empty) => return Ok(false),
            // The end of the process says the rest, be it now or after a task that closed the worker's end.
            Err(TryRecvError::Recv(RecvError::Eof)) => {
                self.is_linked = false;
                return Ok(false);
            }
            // This process has no room for the handles or the memory of a result; nothing else comes with any.
            Err(TryRecvError::Recv(error @ (RecvError::HandlesLost | RecvError::Spilled(_)))) => {
                self.outcomes.push_back(Outcome::ResultRefused(entry::chain(&error)));
            }
            Err(_) => return Err(Confused),
        }
        Ok(true)
    }

    /// How many tasks could be taken back: all that were not begun, but for the first one if the worker will come to it soon.
    pub(super) fn n_stealable(&self) -> u64 {
        self.n_not_begun(|since| coarse_milliseconds().saturating_sub(since) < PATIENCE)
    }

    /// How many tasks are behind the one that it is in, or comes to next.
    pub(super) fn n_behind(&self) -> u64 {
        self.n_not_begun(|_| true)
    }

    /// How many tasks were not begun, but for the first one if it comes to that soon, having had it since then.
    fn n_not_begun(&self, comes_soon: impl Fn(u64) -> bool) -> u64 {
        let mut n_tasks = 0;
        for (index, assigned) in self.assigned.iter().enumerate() {
            let Some(chunk) = &assigned.chunk else { continue };
            let begun = self.desk.turn(assigned.number).begun;
            let stays = if index == 0 && begun == 0 && comes_soon(assigned.since) { 1 } else { begun };
            n_tasks += u64::from(chunk.n_tasks.saturating_sub(stays));
        }
        n_tasks
    }

    /// Takes back up to `n_tasks` from the end; the last first.
    pub(super) fn steal(&mut self, mut n_tasks: u64) -> Vec<Chunk> {
        let mut stolen = Vec::new();
        for assigned in self.assigned.iter_mut().rev() {
            let Some(chunk) = assigned.chunk.as_mut().filter(|_| n_tasks > 0) else { continue };
            let wanted = u64::from(chunk.n_tasks).saturating_sub(n_tasks) as u32;
            // One that the worker has begun meanwhile stays, and the ones before it.
            let n_kept = wanted.max(self.desk.turn(assigned.number).begun);
            if n_kept >= chunk.n_tasks || !self.desk.shorten(assigned.number, n_kept) {
                break;
            }
            n_tasks -= u64::from(chunk.n_tasks - n_kept);
            self.n_tasks_had = self.n_tasks_had.saturating_sub(u64::from(chunk.n_tasks - n_kept));
            if n_kept > 0 {
                stolen.push(chunk.split_off(n_kept));
                break;
            }
            self.n_revoked += u32::from(assigned.place.is_letter);
            stolen.extend(assigned.chunk.take());
        }
        stolen
    }

    /// Whether the task at hand has been there for too long by now: tells the worker after `soft`, and kills it after `hard`. When to
    /// look again.
    pub(super) fn check_time(&mut self, soft: Option<Duration>, hard: Option<Duration>) {
        let front = self.assigned.iter().find(|assigned| assigned.chunk.is_some());
        let Some((front, turn)) = front.map(|front| (front, self.desk.turn(front.number))) else {
            self.seen = None;
            return;
        };
        let is_in_task = turn.begun > self.desk.done(front.number).n_results;
        let now = Instant::now();
        match &mut self.seen {
            Some((number, begun, since, is_told))
                if (*number, *begun) == (front.number, turn.begun) && is_in_task =>
            {
                let elapsed = now.duration_since(*since);
                if soft.is_some_and(|soft| elapsed >= soft) && !*is_told {
                    *is_told = true;
                    self.desk.set_overdue(front.number, turn.begun);
                }
                if let Some(hard) = hard.filter(|hard| elapsed >= *hard && self.timed_out.is_none()) {
                    self.timed_out = Some(hard);
                    self.kill();
                }
            }
            _ => self.seen = is_in_task.then_some((front.number, turn.begun, now, false)),
        }
    }

    /// Whether it takes more memory than it should.
    pub(super) fn is_full(&self) -> bool {
        self.desk.is_full()
    }

    /// Until when the worker has to start, if it has not.
    pub(super) fn start_by(&self) -> Option<Instant> {
        self.start_by
    }

    /// Ends the worker if it takes too long to start; whether it did so now.
    pub(super) fn kill_if_late(&mut self) -> bool {
        let is_late = self.start_by.is_some_and(|start_by| start_by <= Instant::now());
        if is_late {
            self.start_by = None;
            self.kill();
        }
        is_late
    }

    /// Ends the worker at once.
    pub(super) fn kill(&self) {
        // It is this process's own child, so there is nothing that could refuse.
        let _ = self.link.process.kill();
    }

    /// How the worker ended; `None` while it lives.
    pub(super) fn exit_status(&self) -> Option<ExitStatus> {
        self.link.process.exit_status()
    }

    /// Lets the worker go, with thanks, once it has done what is on its desk.
    pub(super) fn retire(&mut self) {
        self.is_retired = true;
        self.let_go();
    }

    /// Lets the worker go once it has done what is on its desk.
    pub(super) fn let_go(&mut self) {
        self.is_leaving = true;
        self.desk.let_go();
    }

    /// Settles what a dead worker left: delivers what is whole, and tells what was begun and what was not.
    pub(super) fn bury(mut self, mut deliver: impl FnMut(&Chunk, Batch)) -> Remains {
        // Its last words. If it was confused, its death says enough.
        let _ = self.listen();
        let _ = self.collect(&mut deliver);
        let mut remains = Remains {
            begun: None,
            untouched: Vec::new(),
            unfit: self.unfit.take(),
            had_started: self.has_started,
        };
        for Assigned { number, chunk, place, .. } in std::mem::take(&mut self.assigned) {
            let Some(mut chunk) = chunk else { continue };
            let begun = self.desk.turn(number).begun.min(chunk.n_tasks);
            let n_results = self.collect_chunk(number, &place, &chunk, &mut deliver).unwrap_or(0).min(begun);
            if begun == 0 {
                remains.untouched.push(chunk);
                continue;
            }
            if begun < chunk.n_tasks {
                remains.untouched.push(chunk.split_off(begun));
            }
            if n_results < begun {
                let failed = if n_results == 0 { chunk } else { chunk.split_off(n_results) };
                remains.begun = Some((failed, self.timed_out));
            }
        }
        remains
    }

    /// Waits for the end of the worker, ends it if it takes longer, and gives back the chunks that it still had.
    pub(super) fn finish(mut self, deadline: Instant) -> Vec<Chunk> {
        // How it ended concerns nobody any more.
        let _ = self.link.process.wait_deadline(deadline);
        std::mem::take(&mut self.assigned).into_iter().filter_map(|assigned| assigned.chunk).collect()
    }

    /// Waits for the first word of a worker that was just started.
    pub(super) fn wait_until_started(&mut self) -> Result<(), PoolError> {
        self.link.process.running().wait_until_started()?;
        let deadline = self.start_by.map_or(Deadline::NEVER, Deadline::at);
        let died = || match self.link.process.running().child().wait(Deadline::NEVER) {
            Ok(Some(status)) => SpawnError::Died { status },
            _ => SpawnError::TimedOut,
        };
        match self.link.line.recv_timeout(deadline.remaining_at_most(Duration::MAX)) {
            Ok(Reply::Hello) => {
                self.has_started = true;
                self.start_by = None;
                Ok(())
            }
            Ok(Reply::Unfit(reason)) => Err(PoolError::Initializer { reason }),
            Err(RecvTimeoutError::Recv(_)) => Err(died().into()),
            Ok(_) | Err(_) => Err(SpawnError::TimedOut.into()),
        }
    }
}
