use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A SOCKS5 proxy without passwords, which connects only configured names:
/// <https://www.rfc-editor.org/rfc/rfc1928>.
pub struct SocksProxy {
    address: SocketAddr,
    routes: Arc<Mutex<HashMap<String, SocketAddr>>>,
    /// Dropped, it ends the thread.
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl SocksProxy {
    /// On 127.0.0.1, at a free port.
    ///
    /// # Panics
    /// The machine has no such port or thread.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let routes: Arc<Mutex<HashMap<String, SocketAddr>>> = Arc::default();
        let known = Arc::clone(&routes);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let accept = async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&known)));
            }
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept => {}
                    _ = stopped => {}
                }
            });
        });
        SocksProxy { address, routes, _stop: stop }
    }

    /// Connects `authority` (`host:port`) to this address.
    pub fn route(&self, authority: &str, target: SocketAddr) {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).insert(authority.to_owned(), target);
    }

    /// Its host and port.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(mut client: TcpStream, routes: Arc<Mutex<HashMap<String, SocketAddr>>>) -> std::io::Result<()> {
    let [_, methods] = read::<2>(&mut client).await?;
    client.read_exact(&mut vec![0; methods.into()]).await?;
    client.write_all(&[5, 0]).await?;
    let [_, _, _, kind] = read::<4>(&mut client).await?;
    // A name. Addresses that the client has resolved are rejected.
    if kind != 3 {
        return client.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]).await;
    }
    let [length] = read::<1>(&mut client).await?;
    let mut name = vec![0; length.into()];
    client.read_exact(&mut name).await?;
    let port = u16::from_be_bytes(read::<2>(&mut client).await?);
    let authority = format!("{}:{port}", String::from_utf8_lossy(&name));
    let target = routes.lock().unwrap_or_else(PoisonError::into_inner).get(&authority).copied();
    let Some(target) = target else { return client.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).await };
    let mut target = TcpStream::connect(target).await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut client, &mut target).await.map(drop)
}

async fn read<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
