//! Byzantine clients: what they sign is theirs, and nobody else is to suffer.

use alloc::{sync::Arc, vec, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    app::Operation,
    crypto::{Authenticator, Digest, Signed},
    event::Tampering,
    ids::{NodeId, Timestamp},
    pbft::Request,
};

/// How many requests a flooding client sends instead of one.
const FLOOD: u64 = 32;
/// How far ahead a timestamp is that leaves room for nothing before it.
const FAR: u64 = 1 << 40;

/// What a client does with each of its requests. It sends to every replica at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mischief {
    /// One timestamp, one operation for the even replicas and another for the odd ones.
    TwoFaced,
    /// Only to the even replicas.
    Selective,
    /// With a signature that doesn't hold.
    BadSignature,
    /// With a timestamp far ahead of its own.
    FarAhead,
    /// With 32 more, each with a later timestamp.
    Flood,
}

impl Mischief {
    /// The verb.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoFaced => "two-faced",
            Self::Selective => "selective",
            Self::BadSignature => "bad signature",
            Self::FarAhead => "far ahead",
            Self::Flood => "flood",
        }
    }

    /// What goes to one replica instead of this request, and what that amounts to.
    pub(in super::super) fn pass(
        self,
        keys: &dyn Authenticator,
        to: NodeId,
        request: &Arc<Signed<Request>>,
    ) -> (Vec<Arc<Signed<Request>>>, Option<Tampering>) {
        let as_it_was = || vec![request.clone()];
        let odd = to.0 % 2 == 1;
        match self {
            Self::TwoFaced if odd => {
                let operation =
                    Operation::Put { key: b"face".to_vec(), value: b"other".to_vec() }.encode();
                let body = Request { operation, ..request.body.clone() };
                let told = Digest::of(&body);
                (vec![Signed::new(body, keys).into()], Some(Tampering::Equivocated { told }))
            }
            Self::Selective if odd => (Vec::new(), Some(Tampering::Withheld)),
            Self::TwoFaced | Self::Selective => (as_it_was(), None),
            Self::BadSignature => {
                let mut forged = Signed::clone(request);
                forged.signature = keys.sign(b"something else");
                (vec![forged.into()], Some(Tampering::Forged))
            }
            Self::FarAhead => (vec![later(request, FAR, keys)], Some(Tampering::Falsified)),
            Self::Flood => {
                let mut all = as_it_was();
                all.extend((1..=FLOOD).map(|by| later(request, by, keys)));
                (all, Some(Tampering::Flooded { messages: FLOOD as u32 }))
            }
        }
    }
}

fn later(request: &Signed<Request>, by: u64, keys: &dyn Authenticator) -> Arc<Signed<Request>> {
    let mut body = request.body.clone();
    body.id.timestamp = Timestamp(body.id.timestamp.0.saturating_add(by));
    Signed::new(body, keys).into()
}
