//! Threads that serve connections, each with a runtime of its own: a connection stays on one core, and no request wakes
//! another thread.

use std::io;
use std::net::TcpStream as StdTcpStream;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;

use super::Serving;

type Connection = (StdTcpStream, OwnedSemaphorePermit);

/// The threads. They end when they are told of no more connections, and theirs have ended.
pub(super) struct Workers {
    queues: Vec<mpsc::UnboundedSender<Connection>>,
    next: usize,
    ended: mpsc::Receiver<()>,
}

impl Workers {
    pub(super) fn start(number: usize, serving: &Serving) -> io::Result<Workers> {
        let (running, ended) = mpsc::channel(1);
        let start = |i: usize| {
            let (queue, connections) = mpsc::unbounded_channel();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(super::LONG).build()?;
            let (serving, running) = (serving.clone(), running.clone());
            std::thread::Builder::new().name(format!("connections-{i}")).spawn(move || {
                runtime.block_on(serve(serving, connections));
                drop(running);
            })?;
            Ok(queue)
        };
        let queues = (0..number).map(start).collect::<io::Result<_>>()?;
        Ok(Workers { queues, next: 0, ended })
    }

    /// The next connection is served by the next thread.
    pub(super) fn serve(&mut self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        // A connection that cannot be handed over has failed already; it is closed.
        let Ok(stream) = stream.into_std() else { return };
        self.next = (self.next + 1) % self.queues.len();
        let _ = self.queues[self.next].send((stream, permit));
    }

    /// Waits until all connections have ended.
    pub(super) async fn ended(mut self) {
        self.queues.clear();
        // Nothing is ever sent: it ends when the last thread has dropped its end.
        while self.ended.recv().await.is_some() {}
    }
}

/// What a thread does.
async fn serve(serving: Serving, mut queue: mpsc::UnboundedReceiver<Connection>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some((stream, permit)) = queue.recv() => {
                if let Ok(stream) = TcpStream::from_std(stream) {
                    connections.spawn(serving.clone().serve(stream, permit));
                }
            }
            Some(_) = connections.join_next() => {}
            else => break,
        }
    }
}
