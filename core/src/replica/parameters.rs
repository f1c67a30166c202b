//! The parameters that are recommended, where the policy has them taken
//! ([`Follow::Always`](crate::analyzer::Follow)): how patient a replica is, and how large its batches are.
//!
//! Nobody agrees on either, and nothing that is decided depends on them; so a replica whose docket is
//! behind only waits for another time than the rest.

use core::time::Duration;

use super::Shell;
use crate::{
    analyzer::{Follow, Parameters},
    app::Application,
    pbft::{MAX_BATCH_BYTES, MAX_BATCH_REQUESTS, MAX_OPERATION_BYTES},
};

/// Until when a batch grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchBounds {
    /// The most requests.
    pub(crate) requests: usize,
    /// The most bytes of operations: never less than the longest operation.
    pub(crate) bytes: usize,
}

impl<A: Application> Shell<A> {
    /// What is taken of what is recommended.
    pub(crate) fn parameters(&self) -> Parameters {
        let taken = self.config.policy.follow == Follow::Always;
        let recommended = taken.then(|| self.docket.recommendation()).flatten();
        recommended.map_or_else(Parameters::default, |it| it.parameters)
    }

    /// How long a request may wait before a backup gives up on the primary, in microseconds: every
    /// input asks.
    pub(crate) fn request_timeout_us(&self) -> u64 {
        let hundredth_us = self.config.request_timeout_ms.saturating_mul(1_000 / 100);
        hundredth_us.saturating_mul(u64::from(self.parameters().timeout_percent))
    }

    /// How long a view change may take, after so many in a row that failed.
    pub(crate) fn view_change_timeout(&self, failed_in_a_row: u32) -> Duration {
        self.config.view_change_timeout(failed_in_a_row, self.parameters().timeout_percent)
    }

    /// How large a batch is.
    pub(crate) fn batch_bounds(&self) -> BatchBounds {
        let percent = usize::from(self.parameters().batch_percent);
        BatchBounds {
            requests: (self.config.batch_requests * percent / 100).clamp(1, MAX_BATCH_REQUESTS),
            bytes: (self.config.batch_bytes * percent / 100)
                .clamp(MAX_OPERATION_BYTES, MAX_BATCH_BYTES),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{sync::Arc, vec};

    use super::*;
    use crate::{
        analyzer::{Network, Policy, Protocol, Rule},
        app::KeyValue,
        crypto::Simulated,
        ids::{ClientId, NodeId, Principal, RequestId, Seq, Timestamp},
        pbft::Config,
        quorum::Membership,
        replica::Said,
    };

    /// Of a replica whose policy always recommends these, before and after anything is said.
    fn taken(follow: Follow, parameters: Parameters) -> [(u64, Duration, BatchBounds); 2] {
        let rule = Rule {
            level: vec![],
            network: vec![],
            trend: vec![],
            protocol: Protocol::Pbft,
            parameters,
        };
        let policy = Policy { follow, rules: vec![rule], ..Policy::default() };
        let config = Config {
            policy,
            request_timeout_ms: 200,
            view_change_timeout_ms: 300,
            batch_requests: 100,
            batch_bytes: 3 * MAX_OPERATION_BYTES,
            ..Config::default()
        };
        let keys = Arc::new(Simulated::new(Principal::Node(NodeId(0)), 7));
        let members = Membership::new(4).unwrap();
        let mut shell = Shell::new(NodeId(0), members, config, keys, KeyValue::default());
        let of = |it: &Shell<KeyValue>| {
            (it.request_timeout_us(), it.view_change_timeout(1), it.batch_bounds())
        };
        let before = of(&shell);
        let id = RequestId { client: ClientId::member(NodeId(1)), timestamp: Timestamp(1) };
        shell.hear_member(Seq(1), NodeId(1), id, &Said::Measure(Network::Slow).encode());
        [before, of(&shell)]
    }

    fn bounds(requests: usize, bytes: usize) -> BatchBounds {
        BatchBounds { requests, bytes }
    }

    #[test]
    fn what_is_recommended_is_taken_where_the_policy_says_so_and_within_bounds() {
        let ms = Duration::from_millis;
        let configured = (200_000, ms(600), bounds(100, 3 * MAX_OPERATION_BYTES));
        let slower = Parameters { timeout_percent: 250, batch_percent: 50 };
        for follow in [Follow::Never, Follow::OnProof] {
            assert_eq!(taken(follow, slower), [configured; 2], "{follow:?}");
        }
        let half = bounds(50, 3 * MAX_OPERATION_BYTES / 2);
        let expected = [configured, (500_000, ms(1_500), half)];
        assert_eq!(taken(Follow::Always, slower), expected, "once it is recommended");
        let least = Parameters { timeout_percent: 10, batch_percent: 10 };
        let [_, hasty] = taken(Follow::Always, least);
        assert_eq!(
            hasty,
            (20_000, ms(60), bounds(10, MAX_OPERATION_BYTES)),
            "an operation fits in"
        );
        let most = Parameters { batch_percent: 1_000, ..least };
        let [_, (_, _, large)] = taken(Follow::Always, most);
        assert_eq!(large.requests, MAX_BATCH_REQUESTS.min(1_000));
        assert_eq!(large.bytes, MAX_BATCH_BYTES.min(30 * MAX_OPERATION_BYTES));
    }
}
