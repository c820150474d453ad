//! A proxy that knows no HTTP: it sees bytes that go to the server, bytes that come back, and so where the
//! next exchange begins.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::faults::{Fault, Faults};
use super::tally::Tally;

/// How long a connection is held of which the client wants no more.
const HELD_MAX: Duration = Duration::from_secs(5);

pub(crate) async fn start(
    server: SocketAddr,
    faults: Faults,
    tally: Tally,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let mut number = 0;
        loop {
            let Ok((client, _)) = listener.accept().await else {
                tally.wrong("the proxy could not accept", &"");
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            number += 1;
            let exchange = Exchange::new(number, faults, tally.clone());
            tokio::spawn(carry(client, server, exchange));
        }
    });
    Ok(address)
}

/// What is known of the exchange on a connection.
struct Exchange {
    connection: u64,
    number: u64,
    fault: Fault,
    bytes: [u8; 8],
    /// Whether something of the response has come.
    is_answered: bool,
    faults: Faults,
    tally: Tally,
}

/// How a connection goes on.
enum Next {
    Goes,
    Ends,
    Resets,
    /// Nothing more comes from us; the client has to close it.
    Held,
}

impl Exchange {
    fn new(connection: u64, faults: Faults, tally: Tally) -> Self {
        Self {
            connection,
            number: 0,
            fault: Fault::None,
            bytes: [0; 8],
            is_answered: true,
            faults,
            tally,
        }
    }

    fn begin(&mut self) {
        self.number += 1;
        self.is_answered = false;
        (self.fault, self.bytes) = self.faults.draw(self.connection, self.number);
        if let Some(label) = self.fault.label() {
            self.tally.fault(label, self.fault.is_cut());
        }
    }

    /// Passes on what came from the client.
    async fn ask(&mut self, asked: &[u8], server: &mut TcpStream) -> io::Result<Next> {
        if asked.is_empty() {
            return Ok(Next::Ends);
        }
        if self.is_answered {
            self.begin();
        }
        match self.fault {
            Fault::ResetBefore => return Ok(Next::Resets),
            Fault::SlowRequest(time) => sleep(time).await,
            _ => {}
        }
        server.write_all(asked).await?;
        match self.fault {
            Fault::ResetAfter => return Ok(Next::Resets),
            Fault::HalfClosedToServer => server.shutdown().await?,
            _ => {}
        }
        Ok(Next::Goes)
    }

    /// Passes on what came from the server.
    async fn answer(&mut self, answer: &[u8], client: &mut TcpStream) -> io::Result<Next> {
        if answer.is_empty() {
            return Ok(Next::Ends);
        }
        let is_first = !self.is_answered;
        self.is_answered = true;
        let fault = if is_first { self.fault } else { Fault::None };
        let some = |part: usize| answer.get(..part).unwrap_or(answer);
        let half = some(answer.len() / 2);
        match fault {
            Fault::SlowResponse(time) => sleep(time).await,
            Fault::ResetMidway => {
                client.write_all(half).await?;
                return Ok(Next::Resets);
            }
            Fault::HalfClosedToClient => {
                client.write_all(half).await?;
                client.shutdown().await?;
                return Ok(Next::Held);
            }
            Fault::Garbage => {
                client.write_all(&self.bytes.repeat(16)).await?;
                return Ok(Next::Ends);
            }
            Fault::GarbageHead => {
                client.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                client.write_all(&self.bytes.repeat(16)).await?;
                return Ok(Next::Ends);
            }
            Fault::StallHead => return Ok(Next::Held),
            Fault::StallBody => {
                let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
                let body = head.map_or(answer.len(), |head| head + 4);
                client
                    .write_all(some(body + (answer.len() - body) / 2))
                    .await?;
                return Ok(Next::Held);
            }
            _ => {}
        }
        client.write_all(answer).await?;
        Ok(Next::Goes)
    }
}

/// One connection to its end. Either side may break it at any time, which is no failure here.
async fn carry(mut client: TcpStream, server: SocketAddr, mut exchange: Exchange) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return exchange.tally.wrong("the proxy could not connect", &"");
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut asked, mut answered) = (vec![0; 8 << 10], vec![0; 16 << 10]);
    loop {
        let next = tokio::select! {
            count = client.read(&mut asked) => {
                let asked = count.map(|count| asked.get(..count).unwrap_or_default());
                exchange.ask(asked.unwrap_or_default(), &mut server).await
            }
            count = server.read(&mut answered) => {
                let answer = count.map(|count| answered.get(..count).unwrap_or_default());
                exchange.answer(answer.unwrap_or_default(), &mut client).await
            }
        };
        match next {
            Ok(Next::Goes) => {}
            Ok(Next::Ends) | Err(_) => return,
            Ok(Next::Resets) => {
                let _ = (client.set_zero_linger(), server.set_zero_linger());
                return;
            }
            Ok(Next::Held) => {
                let closed = async { while client.read(&mut asked).await.is_ok_and(|n| n > 0) {} };
                if timeout(HELD_MAX, closed).await.is_err() {
                    exchange
                        .tally
                        .wrong("a connection that gave nothing was kept", &"");
                }
                return;
            }
        }
    }
}
