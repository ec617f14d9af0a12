//! A connection whose bytes can be broken off at a chosen one, and that does not wait for ever.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::reply::WireFault;

/// The time for which, and the bytes for which, a client is listened to after the last response: closing a socket with unread bytes
/// would reset it, and the client might never see the response.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 64 << 20);

/// The amount that is kept of what a client sends while its request waits.
const AHEAD: usize = 16 << 10;

/// The part of a response that a client must take within the time for it, unless that is all there is.
const PROGRESS: usize = 64 << 10;

/// The bytes of a connection.
pub(super) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Plain($inner) => $call,
            #[cfg(feature = "tls")]
            Stream::Tls($inner) => $call,
        }
    };
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// How far the response to a request is.
#[derive(Clone, Copy, Default, PartialEq)]
enum Stage {
    /// It is not made yet, or it is on its way to the client.
    #[default]
    None,
    Made,
    /// All of it is with `hyper`, which has still to write it.
    HandedOver,
}

/// The plan for the next bytes written, and how far the response is; shared by the service and the stream under
/// it.
#[derive(Clone, Default)]
pub(super) struct WirePlan(Arc<Mutex<Planned>>);

#[derive(Default)]
struct Planned {
    fault: Option<WireFault>,
    /// The part of the body that leaves before it breaks off.
    kept: usize,
    stage: Stage,
}

impl WirePlan {
    /// The next response, whose body has so many bytes, is to break like this.
    pub(super) fn set(&self, fault: Option<WireFault>, body: usize) {
        let mut planned = self.lock();
        // Some of the body, so that the client has begun to read it, and never all of it.
        (planned.fault, planned.kept) = (fault, (body / 2).min(8));
    }

    fn get(&self) -> Option<WireFault> {
        self.lock().fault
    }

    pub(super) fn answer_begins(&self) {
        self.lock().stage = Stage::Made;
    }

    pub(super) fn answer_is_handed_over(&self) {
        self.lock().stage = Stage::HandedOver;
    }

    /// All that was handed over is written. Says whether more of the response is to come.
    fn flushed(&self) -> bool {
        let stage = &mut self.lock().stage;
        if *stage == Stage::HandedOver {
            *stage = Stage::None;
        }
        *stage != Stage::None
    }

    fn is_answering(&self) -> bool {
        self.lock().stage != Stage::None
    }

    fn lock(&self) -> MutexGuard<'_, Planned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a connection, for who answers and for who waits.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<Shared>>);

struct Shared {
    stream: Stream,
    /// The bytes that came while a request waited, and are still to be read.
    ahead: BytesMut,
    /// The client has sent its last byte.
    ended: bool,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Wire {
        Wire(Arc::new(Mutex::new(Shared { stream, ahead: BytesMut::new(), ended: false })))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the client has sent its last byte, whatever it has sent before; `hyper` sees that only if it has sent nothing
    /// more. One that sends more than is kept counts as gone as well.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let shared = &mut *self.lock();
        let mut space = [0; 4 << 10];
        while !shared.ended && shared.ahead.len() <= AHEAD {
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(either!(&mut shared.stream, stream => Pin::new(stream).poll_read(cx, &mut buffer))) {
                Ok(()) if !buffer.filled().is_empty() => shared.ahead.extend_from_slice(buffer.filled()),
                Ok(()) | Err(_) => shared.ended = true,
            }
        }
        Poll::Ready(())
    }
}

/// A connection that can be broken at a chosen byte.
pub(super) struct FaultyStream {
    wire: Wire,
    plan: WirePlan,
    /// The bytes of a response that is to break in its body, until the body has begun.
    written: Vec<u8>,
    write_timeout: Duration,
    /// Runs while the client takes little, with how much it has taken since.
    stalled: Option<(Pin<Box<Sleep>>, usize)>,
    /// Runs after the last response, with how many bytes were thrown away since.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
    /// `hyper` has asked since the client sent its last byte.
    ended: bool,
    /// Whom to tell so when the response is written.
    reader: Option<Waker>,
}

impl FaultyStream {
    pub(super) fn new(wire: Wire, plan: WirePlan, write_timeout: Duration) -> FaultyStream {
        FaultyStream {
            wire,
            plan,
            written: Vec::new(),
            write_timeout,
            stalled: None,
            lingering: None,
            ended: false,
            reader: None,
        }
    }

    /// Returns the number of these bytes that may still be written under this fault; `None` for all.
    fn allowed(&self, fault: Option<WireFault>, bytes: &[u8]) -> Option<usize> {
        match fault? {
            WireFault::Reset | WireFault::Close => Some(0),
            WireFault::Hang | WireFault::Drip { .. } => None,
            WireFault::ResetInBody | WireFault::Truncate => {
                let mut all = self.written.clone();
                all.extend_from_slice(bytes);
                let end = end_of_head(&all)? + self.plan.lock().kept;
                Some(end.saturating_sub(self.written.len()).min(bytes.len()))
            }
        }
    }

    /// Returns whether all has left that may.
    fn is_at_its_end(&self) -> bool {
        matches!(self.plan.get(), Some(WireFault::ResetInBody | WireFault::Truncate))
            && end_of_head(&self.written).is_some_and(|head| self.written.len() >= head + self.plan.lock().kept)
    }

    /// Returns what a write comes to; it fails when the client has taken too little for too long.
    fn unless_stalled<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            return write;
        }
        let timeout = self.write_timeout;
        let (stalled, _) = self.stalled.get_or_insert_with(|| (Box::pin(tokio::time::sleep(timeout)), 0));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The client has taken so much more.
    fn taken(&mut self, bytes: usize) {
        if let Some((_, taken)) = &mut self.stalled {
            *taken += bytes;
            if *taken >= PROGRESS {
                self.stalled = None;
            }
        }
    }

    fn broken(&mut self) -> io::Error {
        if matches!(self.plan.get(), Some(WireFault::Reset | WireFault::ResetInBody)) {
            // Without lingering, closing the socket sends RST instead of FIN.
            let _ = self.wire.lock().stream.socket().set_zero_linger();
        }
        io::Error::other("broken on demand")
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let fault = this.plan.get();
        let allowed = match this.allowed(fault, bytes) {
            Some(0) => return Poll::Ready(Err(this.broken())),
            allowed => &bytes[..allowed.unwrap_or(bytes.len())],
        };
        let write = either!(&mut this.wire.lock().stream, stream => Pin::new(stream).poll_write(cx, allowed));
        let written = ready!(this.unless_stalled(cx, write))?;
        this.taken(written);
        if matches!(fault, Some(WireFault::ResetInBody | WireFault::Truncate)) {
            this.written.extend_from_slice(&allowed[..written]);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flush = either!(&mut this.wire.lock().stream, stream => Pin::new(stream).poll_flush(cx));
        ready!(this.unless_stalled(cx, flush))?;
        if this.is_at_its_end() {
            return Poll::Ready(Err(this.broken()));
        }
        if !this.plan.flushed()
            && let Some(reader) = this.reader.take()
        {
            reader.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            let shutdown = either!(&mut this.wire.lock().stream, stream => Pin::new(stream).poll_shutdown(cx));
            ready!(this.unless_stalled(cx, shutdown))?;
            this.lingering = Some((Box::pin(tokio::time::sleep(LINGER.0)), 0));
        }
        let Some((timer, thrown_away)) = &mut this.lingering else { return Poll::Ready(Ok(())) };
        let mut space = [0; 16 << 10];
        loop {
            if timer.as_mut().poll(cx).is_ready() || *thrown_away > LINGER.1 {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut space);
            let wire = &mut this.wire.lock().stream;
            match ready!(either!(wire, stream => Pin::new(stream).poll_read(cx, &mut buffer))) {
                Ok(()) if !buffer.filled().is_empty() => *thrown_away += buffer.filled().len(),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncRead for FaultyStream {
    /// `hyper` drops a request whose client has sent its last byte. That is right for one who has gone away while the
    /// request waits, and wrong for one who has only said that nothing more comes: the response that is there at once is
    /// sent before `hyper` learns of it.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let shared = &mut *this.wire.lock();
        if !shared.ahead.is_empty() {
            let length = shared.ahead.len().min(buffer.remaining());
            buffer.put_slice(&shared.ahead.split_to(length));
            return Poll::Ready(Ok(()));
        }
        if !shared.ended {
            ready!(either!(&mut shared.stream, stream => Pin::new(stream).poll_read(cx, buffer)))?;
        }
        if buffer.filled().len() > before {
            return Poll::Ready(Ok(()));
        }
        if !std::mem::replace(&mut this.ended, true) {
            // The request may be there as a whole, and the service does not know of it yet.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.plan.is_answering() {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

/// Where the head of a response ends.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
