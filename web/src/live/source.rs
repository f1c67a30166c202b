//! Where real nodes' events come from: `/api/cluster` says who they are, each node streams.

use super::wire;
use conclave_core::{analyzer::Level, event::Event, ids::NodeId};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{EventSource, MessageEvent, RequestInit, Response};

/// What `/api/cluster` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterInfo {
    /// The nodes.
    pub(crate) nodes: Vec<NodeInfo>,
    /// Whether this server may kill and restart them (a development cluster).
    pub(crate) control: bool,
}

/// One real node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeInfo {
    /// Its number.
    pub(crate) id: NodeId,
    /// Where its admin interface is.
    pub(crate) admin: String,
}

/// What a node says of itself when a stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The view it is in, or wants.
    pub(crate) view: u64,
    /// Whether it takes part in that view.
    pub(crate) active: bool,
    /// Who leads there.
    pub(crate) primary: NodeId,
    /// The last position executed.
    pub(crate) executed: u64,
    /// How bad it is, by what all agree on.
    pub(crate) threat: Level,
    /// Who is in quarantine by that.
    pub(crate) restrained: Vec<NodeId>,
    /// Whom it holds proof against.
    pub(crate) convicted: Vec<NodeId>,
}

/// What a stream tells the lab.
pub(crate) enum Heard {
    /// It opened or broke.
    Connection(NodeId, bool),
    /// An event with its number.
    Event(NodeId, Option<u64>, Box<Event>),
    /// It says where it stands.
    Hello(NodeId, Hello),
    /// So many events were skipped.
    Missed(NodeId, u64),
    /// Something that is no event of this version.
    Unreadable,
}

/// Asks the server that the lab came from for its cluster. `None`: it has none.
pub(crate) fn discover(then: impl FnOnce(Option<ClusterInfo>) + 'static) {
    spawn_local(async move { then(cluster_info().await) });
}

async fn cluster_info() -> Option<ClusterInfo> {
    let window = web_sys::window()?;
    let response = JsFuture::from(window.fetch_with_str("/api/cluster")).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    wire::cluster(&text)
}

/// Kills or restarts a real node of a development cluster, and says how that went.
pub(crate) fn control(node: NodeId, verb: &'static str, then: impl FnOnce(String) + 'static) {
    spawn_local(async move {
        let path = format!("/api/nodes/{node}/{verb}");
        let outcome = post(&path).await;
        then(match outcome {
            Some(true) => format!("Node {node}: {verb} done."),
            Some(false) => format!("Node {node}: the server refused to {verb} it."),
            None => format!("Node {node}: the server did not answer."),
        });
    });
}

async fn post(path: &str) -> Option<bool> {
    let init = RequestInit::new();
    init.set_method("POST");
    let window = web_sys::window()?;
    let response = JsFuture::from(window.fetch_with_str_and_init(path, &init)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    Some(response.ok())
}

/// One node's stream. Closes when dropped; the browser reconnects by itself until then.
pub(crate) struct Stream {
    source: EventSource,
    _on_message: [Closure<dyn FnMut(MessageEvent)>; 3],
    _on_open: Closure<dyn FnMut(web_sys::Event)>,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
}

impl Stream {
    /// Begins to listen to a node.
    pub(crate) fn open(node: &NodeInfo, tell: impl Fn(Heard) + Clone + 'static) -> Option<Self> {
        let id = node.id;
        let url = format!("{}/events", node.admin.trim_end_matches('/'));
        let source = EventSource::new(&url).ok()?;
        let on_message = {
            let tell = tell.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
                let number = message.last_event_id().parse().ok();
                let event = message.data().as_string().and_then(|text| wire::event(&text));
                tell(match event {
                    Some(event) => Heard::Event(id, number, Box::new(event)),
                    _ => Heard::Unreadable,
                });
            })
        };
        let on_open = {
            let tell = tell.clone();
            Closure::<dyn FnMut(web_sys::Event)>::new(move |_| tell(Heard::Connection(id, true)))
        };
        let on_hello = {
            let tell = tell.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
                if let Some(hello) = message.data().as_string().and_then(|text| wire::hello(&text))
                {
                    tell(Heard::Hello(id, hello));
                }
            })
        };
        let on_lagged = {
            let tell = tell.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
                if let Some(missed) =
                    message.data().as_string().and_then(|text| wire::lagged(&text))
                {
                    tell(Heard::Missed(id, missed));
                }
            })
        };
        let on_error =
            Closure::<dyn FnMut(web_sys::Event)>::new(move |_| tell(Heard::Connection(id, false)));
        for (name, closure) in [("hello", &on_hello), ("lagged", &on_lagged)] {
            let listener = closure.as_ref().unchecked_ref();
            source.add_event_listener_with_callback(name, listener).ok()?;
        }
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let messages = [on_message, on_hello, on_lagged];
        Some(Self { source, _on_message: messages, _on_open: on_open, _on_error: on_error })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onmessage(None);
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}
