//! A server that speaks HTTP by hand, does as it likes, and keeps the truth.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use user_status::Clock as _;

use crate::answers::{About, Answer, Rule};
use crate::clock::MadeClock;
use crate::random::Random;
use crate::secrets::generation;
use crate::systems::{self, Kind, System};
use crate::truth::{Case, Effect, Purpose, Seen, Truth, Word};
use crate::wire::{self, End, Sent};

/// The time for which a read that is behind is behind.
const BEHIND: Duration = Duration::from_millis(300);

/// The server. One for all systems: each kind of client has a folder.
#[derive(Debug)]
pub(crate) struct Hostile {
    seed: u64,
    pub(crate) clock: MadeClock,
    pub(crate) truth: Truth,
    address: SocketAddr,
    /// Where redirects lead, and nobody may go.
    trap: SocketAddr,
}

struct Request {
    head: String,
    method: String,
    path: String,
    body: Vec<u8>,
}

impl Hostile {
    pub(crate) async fn start(seed: u64) -> Arc<Hostile> {
        let bind = async || TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine");
        let (listener, trap) = (bind().await, bind().await);
        let hostile = Arc::new(Hostile {
            seed,
            clock: MadeClock::start(),
            truth: Truth::default(),
            address: listener.local_addr().expect("the address of a listener"),
            trap: trap.local_addr().expect("the address of a listener"),
        });
        let server = hostile.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(server.clone().serve(stream));
            }
        });
        let server = hostile.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = trap.accept().await {
                server.truth.stray("a redirect to another server was followed".to_owned());
                let body = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(body.as_bytes()).await;
            }
        });
        hostile
    }

    /// The address below which each kind of client has its folder.
    pub(crate) fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn serve(self: Arc<Hostile>, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let mut clean = true;
        while let Some(request) = read(&mut stream, &mut bytes).await {
            let Sent { parts, end, left } = self.sent(&request, clean);
            clean &= !left;
            for (pause, part) in parts {
                if pause > 0 {
                    self.clock.pause(pause).await;
                }
                if stream.write_all(&part).await.is_err() {
                    return;
                }
            }
            match end {
                End::Keep => {}
                End::Fin => return,
                End::Reset => {
                    let _ = stream.set_zero_linger();
                    return;
                }
                End::Silence => {
                    while stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {}
                    return;
                }
            }
        }
    }

    /// Returns what is done, and what is answered.
    fn sent(&self, request: &Request, clean: bool) -> Sent {
        let plain = |status: u16| {
            let text = format!("HTTP/1.1 {status} Stray\r\ncontent-length: 0\r\n\r\n");
            Sent { parts: vec![(0, text.into_bytes())], end: End::Fin, left: false }
        };
        let split = request.path.trim_start_matches('/').split_once('/');
        let kind = split.and_then(|(folder, path)| Some((Kind::of_name(folder)?, path)));
        let asked =
            kind.and_then(|(kind, path)| Some((kind, systems::asked(kind, &request.method, path, &request.body)?)));
        let mut cases = self.truth.cases();
        let Some((kind, (number, purpose, effect))) = asked else {
            self.truth.stray(format!("{} {}", request.method, request.path));
            return plain(599);
        };
        let Some(case) = cases.get_mut(&number) else {
            self.truth.stray(format!("{} {} for an account that nobody named", request.method, request.path));
            return plain(598);
        };
        let mut random = Random::of(self.seed, "request", number, case.requests.len() as u64);
        let (mut answer, carried_out) = self.decide(case, kind, number, request, &purpose, effect, &mut random);
        let sent = match case.calm || case.locked_out {
            true => wire::plain(&answer),
            false => wire::send(&mut answer, kind.system() == System::Clearsquare, &mut random),
        };
        let Answer { word, status, class, shows, .. } = answer;
        if crate::is_looked_at() {
            for (pause, part) in &sent.parts {
                println!(
                    "{} {} carried out {carried_out:?}, {word:?}: after {pause} {:?} {:?}",
                    request.method,
                    request.path,
                    String::from_utf8_lossy(part),
                    sent.end
                );
            }
        }
        case.requests.push(Seen { at: self.clock.now(), purpose, carried_out, word, status, class, shows, clean });
        sent
    }

    #[expect(clippy::too_many_arguments, reason = "one request, and all that it is about")]
    fn decide(
        &self,
        case: &mut Case,
        kind: Kind,
        number: u64,
        request: &Request,
        purpose: &Purpose,
        effect: Effect,
        random: &mut Random,
    ) -> (Answer, Option<Duration>) {
        let now = self.clock.now();
        let write = matches!(purpose, Purpose::Write { .. });
        let rule = match (case.calm, case.locked_out, write) {
            (true, ..) => Rule::Yes,
            (_, true, _) => Rule::No,
            (.., true) => Rule::of_write(random),
            (.., false) => Rule::of_read(random),
        };
        let honest = case.calm || case.locked_out || random.percent(97);
        let carried_out = match (write, rule, honest) {
            (false, ..) => None,
            (true, Rule::Yes, honest) => honest.then_some(now),
            (true, Rule::No, honest) => (!honest).then_some(now),
            _ => match random.below(100) {
                0..45 => Some(now),
                45..60 => Some(now + Duration::from_millis(1 + random.below(1500) as u64)),
                _ => None,
            },
        };
        let wanted = match write {
            true => effect.applied(case.state_at(now)),
            false => case.wants.applied(case.state_at(now)),
        };
        if let Some(at) = carried_out {
            case.effects.push((at, effect));
        }
        if !write && kind == Kind::ClinicReads && !case.calm && random.percent(15) {
            // Somebody else is at work on the account, too.
            let at = now + Duration::from_millis(random.below(60) as u64);
            case.effects.push((at, Effect { flip: true, ..Effect::default() }));
        }
        let is = case.state_at(now);
        let lies = rule == Rule::Yes && !honest;
        let was = if rule == Rule::Behind { case.state_at(now.saturating_sub(BEHIND)) } else { case.before.clone() };
        let url = format!("{}{}", self.root(), request.path);
        let about = About {
            seed: self.seed,
            kind,
            generation: generation(self.seed, kind, &request.head),
            user: &systems::user(kind.system(), number),
            write,
            is: if lies { &wanted } else { &is },
            was: &was,
            wanted: &wanted,
            now: self.clock.wall(),
            targets: [url, format!("{}/elsewhere", self.root()), format!("http://{}/", self.trap)],
        };
        let mut answer = about.answer(rule, random);
        if case.locked_out {
            (answer.status, answer.word) = (401, Word::No);
        }
        (answer, carried_out)
    }
}

/// Reads one request; `None` at the end of the connection, or of what is one.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let length = lines.find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let whole = end + 4 + length.unwrap_or(0);
    while bytes.len() < whole {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    let rest = bytes.split_off(whole);
    let body = bytes.split_off(end + 4);
    *bytes = rest;
    Some(Request { head, method, path, body })
}
