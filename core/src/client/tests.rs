//! Clients that ask, wait, are told and go on.

use alloc::{sync::Arc, vec, vec::Vec};
use core::time::Duration;

use super::{Client, ClientEffect, Patience, SubmitError, Way};
use crate::{
    crypto::{Digest, Refusal, Signed, Simulated, Verified, verify},
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    node::{Busy, Why},
    pbft::{
        Checkpoint, CheckpointCertificate, EpochEnd, Message, MessageKind, ReadReply, Register,
        Reply, Roster,
    },
    protocol::To,
    quorum::{Membership, NodeSet},
    resilience::{
        retry::{self, Backoff, BudgetConfig, Jitter, Stop},
        timeout,
    },
    time::Time,
};

const WAIT: Duration = Duration::from_millis(100);

fn client() -> Client {
    let keys = Simulated::new(Principal::Client(ClientId(1)), 7);
    let members = Membership::new(4).unwrap();
    Client::new(members, Arc::new(keys), Patience::doubling(WAIT), Timestamp(10)).unwrap()
}

fn reply(by: u16, view: u64, id: RequestId, result: &[u8]) -> Verified<Message> {
    let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
    let body = Reply { epoch: Epoch(0), view: View(view), id, result: result.to_vec() };
    let message = Message::Reply(Signed::new(body, &keys).into());
    verify(message, Membership::new(4).unwrap(), &keys).unwrap()
}

fn answer(by: u16, id: RequestId, result: &[u8]) -> Verified<Message> {
    let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
    let body = ReadReply { epoch: Epoch(0), view: View(0), id, result: result.to_vec() };
    let message = Message::ReadReply(Signed::new(body, &keys).into());
    verify(message, Membership::new(4).unwrap(), &keys).unwrap()
}

fn completed(client: &mut Client) -> Option<(Vec<u8>, View)> {
    core::iter::from_fn(|| client.poll_effect()).find_map(|effect| match effect {
        ClientEffect::Completed { result, view, .. } => Some((result, view)),
        _ => None,
    })
}

#[test]
fn f_plus_one_equal_results_are_accepted_and_fewer_are_not() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    client.handle_reply(Time(1), &reply(0, 0, id, b"lie"));
    client.handle_reply(Time(2), &reply(0, 0, id, b"lie"));
    client.handle_reply(Time(3), &reply(1, 0, id, b"truth"));
    assert_eq!(completed(&mut client), None);
    client.handle_reply(Time(4), &reply(2, 0, id, b"truth"));
    assert_eq!(completed(&mut client), Some((b"truth".to_vec(), View(0))));
    assert_eq!(client.outstanding(), None);
}

#[test]
fn replies_to_another_request_do_not_count() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    let older = RequestId { timestamp: Timestamp(9), ..id };
    for by in 0..4 {
        client.handle_reply(Time(1), &reply(by, 0, older, b"old"));
    }
    assert_eq!(completed(&mut client), None);
}

#[test]
fn a_liar_can_not_make_the_client_believe_in_a_view_far_ahead() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    client.handle_reply(Time(1), &reply(3, 1_000_003, id, b"r"));
    client.handle_reply(Time(1), &reply(1, 2, id, b"r"));
    assert_eq!(completed(&mut client), Some((b"r".to_vec(), View(2))));
    client.submit(Time(2), vec![2]).unwrap();
    let sent = client.poll_effect();
    assert!(matches!(sent, Some(ClientEffect::Send { to: To::Node(NodeId(2)), .. })));
}

#[test]
fn it_retransmits_to_all_and_waits_longer_each_time() {
    let mut client = client();
    client.submit(Time(0), vec![1]).unwrap();
    assert_eq!(client.submit(Time(0), vec![1]), Err(SubmitError::Busy));
    assert!(matches!(client.poll_effect(), Some(ClientEffect::Send { to: To::Node(_), .. })));
    client.tick(Time::from_millis(99));
    assert!(client.poll_effect().is_none());
    client.tick(Time::from_millis(100));
    assert!(matches!(client.poll_effect(), Some(ClientEffect::Retransmitted(_))));
    assert!(matches!(client.poll_effect(), Some(ClientEffect::Send { to: To::Others, .. })));
}

#[test]
fn a_read_takes_a_quorum_of_equal_answers_and_no_replies() {
    let mut client = client();
    let id = client.submit_read(Time(0), vec![1]).unwrap();
    assert!(matches!(client.poll_effect(), Some(ClientEffect::Send { to: To::Others, .. })));
    for by in 0..4 {
        client.handle_reply(Time(1), &reply(by, 0, id, b"r"));
    }
    client.handle_reply(Time(1), &answer(0, id, b"r"));
    client.handle_reply(Time(1), &answer(1, id, b"r"));
    client.handle_reply(Time(1), &answer(1, id, b"r"));
    assert_eq!(completed(&mut client), None, "two answers are no quorum of four");
    client.handle_reply(Time(2), &answer(2, id, b"r"));
    assert_eq!(completed(&mut client), Some((b"r".to_vec(), View(0))));
}

#[test]
fn a_read_falls_back_to_an_order_at_once_when_answers_can_not_agree() {
    let mut client = client();
    let id = client.submit_read(Time(0), vec![1]).unwrap();
    while client.poll_effect().is_some() {}
    client.handle_reply(Time(1), &answer(0, id, b"old"));
    client.handle_reply(Time(1), &answer(1, id, b"new"));
    assert!(client.poll_effect().is_none(), "two more might say the same");
    client.handle_reply(Time(1), &answer(2, id, b"lie"));
    assert!(matches!(client.poll_effect(), Some(ClientEffect::FellBack(it)) if it == id));
    let sent = client.poll_effect();
    let Some(ClientEffect::Send { to: To::Node(_), message: Message::Request(request) }) = sent
    else {
        panic!("not ordered: {sent:?}")
    };
    assert_eq!((request.body.id, &request.body.operation[..]), (id, &[1][..]));
    // Answers to the read count for nothing any more; replies do.
    for by in 0..4 {
        client.handle_reply(Time(2), &answer(by, id, b"old"));
    }
    assert_eq!(completed(&mut client), None);
    client.handle_reply(Time(3), &reply(0, 0, id, b"new"));
    client.handle_reply(Time(9), &reply(1, 0, id, b"new"));
    let effect = client.poll_effect();
    let Some(ClientEffect::Completed { way, latency, .. }) = effect else {
        panic!("not completed: {effect:?}")
    };
    assert_eq!((way, latency.as_micros()), (Way::Ordered, 9), "from the read on");
}

#[test]
fn a_read_without_enough_answers_falls_back_after_its_timeout() {
    let mut client = client();
    let id = client.submit_read(Time(0), vec![1]).unwrap();
    while client.poll_effect().is_some() {}
    client.handle_reply(Time(1), &answer(0, id, b"r"));
    client.tick(Time::from_millis(99));
    assert!(client.poll_effect().is_none());
    client.tick(Time::from_millis(100));
    assert!(matches!(client.poll_effect(), Some(ClientEffect::FellBack(it)) if it == id));
    assert_eq!(client.deadline(), Some(Time::from_millis(200)), "its own patience begins");
}

/// The end of epoch 0: replica 0 leaves, 4 joins.
fn end() -> EpochEnd {
    let mut nodes = NodeSet::default();
    (1..=4).for_each(|node| assert!(nodes.insert(NodeId(node))));
    let members = Membership::new(4).unwrap().successor(Seq(10), nodes).unwrap();
    let next = Roster { members, added: vec![] };
    let register = Digest::of(&Register::new(members));
    let successor = Some(next.digest());
    let body = Checkpoint { epoch: Epoch(0), seq: Seq(10), digest: register, successor };
    let sign = |by| {
        let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
        Signed::new(body, &keys)
    };
    let checkpoints = (0..3).map(sign).collect();
    EpochEnd { certificate: CheckpointCertificate { checkpoints }, next }
}

#[test]
fn answers_of_a_later_epoch_do_not_count_and_make_it_ask_for_the_proof() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    client.poll_effect();
    assert_eq!(asked_for_the_proof(&mut client, id, 1..4), [1, 2], "f+1 of them");
    assert_eq!(client.outstanding(), Some(id));
}

/// These say that there is a later epoch. Whom the client asks for the proof.
fn asked_for_the_proof(
    client: &mut Client,
    id: RequestId,
    who: impl IntoIterator<Item = u16>,
) -> Vec<u16> {
    for by in who {
        let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
        let body = Reply { epoch: Epoch(1), view: View(0), id, result: b"r".to_vec() };
        let message = Message::Reply(Signed::new(body, &keys).into());
        client.handle_reply(Time(1), &verify(message, client.members(), &keys).unwrap());
    }
    let effects = core::iter::from_fn(|| client.poll_effect());
    let asked = effects.filter_map(|effect| match effect {
        ClientEffect::Send { to: To::Node(by), message: Message::FetchEpochEnds(fetch) } => {
            assert_eq!(fetch.body.from, Epoch(0));
            Some(by.0)
        }
        _ => None,
    });
    asked.collect()
}

#[test]
fn who_says_first_that_the_epoch_is_over_and_never_proves_it_is_passed_over() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    assert_eq!(asked_for_the_proof(&mut client, id, 0..4), [0, 1]);
    let wait_over = |client: &mut Client| client.tick(client.deadline().unwrap());
    wait_over(&mut client);
    let asked = asked_for_the_proof(&mut client, id, 0..4);
    assert_eq!(asked, [0, 1, 2, 3], "others too, and an answer may be lost");
    // The attempt's time, and then what is waited before the next.
    wait_over(&mut client);
    wait_over(&mut client);
    assert_eq!(asked_for_the_proof(&mut client, id, 0..4), [0, 1, 2, 3]);
}

/// Where clients have rates, what is asked last may be turned away, and of a question nobody is told.
#[test]
fn who_asks_again_asks_for_the_proof_before_it_asks_for_the_rest() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    assert_eq!(asked_for_the_proof(&mut client, id, 1..4), [1, 2]);
    client.tick(client.deadline().unwrap());
    let sent = core::iter::from_fn(|| client.poll_effect()).filter_map(|effect| match effect {
        ClientEffect::Send { message, .. } => Some(message.kind()),
        _ => None,
    });
    let (question, request) = (MessageKind::FetchEpochEnds, MessageKind::Request);
    assert_eq!(sent.collect::<Vec<_>>(), [question, question, request]);
}

#[test]
fn only_the_members_of_the_newest_proven_epoch_are_counted() {
    let mut client = client();
    let keys = Simulated::new(Principal::Client(ClientId(1)), 7);
    let id = client.submit(Time(0), vec![1]).unwrap();
    client.handle_reply(Time(1), &reply(0, 0, id, b"r"));
    let proof = Message::EpochEnds([Arc::new(end())].into());
    client.handle_reply(Time(2), &verify(proof, client.members(), &keys).unwrap());
    assert_eq!(client.members().epoch(), Epoch(1));
    assert!(completed(&mut client).is_none());
    // Of the old epoch nobody counts, and who left is turned away at the door.
    let answer = |by: u16, epoch| {
        let keys = Simulated::new(Principal::Node(NodeId(by)), 7);
        let body = Reply { epoch, view: View(0), id, result: b"r".to_vec() };
        Message::Reply(Signed::new(body, &keys).into())
    };
    let check = |message| verify(message, end().next.members, &keys);
    assert!(matches!(check(answer(1, Epoch(0))), Err(Refusal::Epoch { .. })));
    assert!(matches!(check(answer(0, Epoch(1))), Err(Refusal::WrongSigner { .. })));
    client.handle_reply(Time(3), &check(answer(1, Epoch(1))).unwrap());
    assert!(completed(&mut client).is_none(), "the answers of two epochs don't add up");
    client.handle_reply(Time(4), &check(answer(4, Epoch(1))).unwrap());
    assert_eq!(completed(&mut client), Some((b"r".to_vec(), View(0))));
}

fn busy(client: &mut Client, now_ms: u64, from: u16, id: RequestId, retry_after_ms: u32) {
    let busy = Busy { id, why: Why::Rate, retry_after_ms };
    client.handle_busy(Time::from_millis(now_ms), NodeId(from), &busy);
}

#[test]
fn it_waits_as_long_as_f_plus_one_say_at_least_and_liars_change_nothing() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    while client.poll_effect().is_some() {}
    // A liar that wants it gone for a minute, and says so again and again.
    for _ in 0..3 {
        busy(&mut client, 10, 3, id, 60_000);
    }
    assert!(client.poll_effect().is_none(), "one of four may lie");
    let asking = client.asking().unwrap();
    assert_eq!((asking.id, asking.attempt, asking.put_off_by), (id, 1, 1));
    assert!(!asking.sleeps && Some(asking.next_at) == client.deadline());
    assert_eq!(client.deadline(), Some(Time::from_millis(100)));
    busy(&mut client, 20, 1, id, 250);
    let put_off = client.poll_effect();
    let wait = Duration::from_millis(250);
    assert!(matches!(put_off, Some(ClientEffect::PutOff(it, by)) if (it, by) == (id, wait)));
    assert_eq!(client.deadline(), Some(Time::from_millis(270)), "what a correct one says");
    let asking = client.asking().unwrap();
    assert!(asking.sleeps && asking.attempt == 2 && asking.put_off_by == 2);
    // What others add doesn't put it off for longer: it comes, and is told again.
    busy(&mut client, 30, 2, id, 60_000);
    assert_eq!(client.deadline(), Some(Time::from_millis(270)));
    client.tick(Time::from_millis(270));
    assert!(matches!(client.poll_effect(), Some(ClientEffect::Retransmitted(_))));
    assert!(matches!(client.poll_effect(), Some(ClientEffect::Send { to: To::Others, .. })));
    busy(&mut client, 280, 1, id, 50);
    assert!(client.poll_effect().is_none(), "what was said of the attempt before is forgotten");
}

#[test]
fn an_answer_that_comes_all_the_same_is_taken_and_who_is_no_member_is_not_heard() {
    let mut client = client();
    let id = client.submit(Time(0), vec![1]).unwrap();
    for from in [7, 8, 9] {
        busy(&mut client, 10, from, id, 5_000);
    }
    assert_eq!(client.deadline(), Some(Time::from_millis(100)));
    let other = RequestId { timestamp: Timestamp(3), ..id };
    busy(&mut client, 10, 1, other, 5_000);
    busy(&mut client, 10, 2, id, 5_000);
    assert_eq!(client.deadline(), Some(Time::from_millis(100)), "of another request");
    busy(&mut client, 10, 3, id, 5_000);
    assert_eq!(client.deadline(), Some(Time::from_millis(5_010)));
    client.handle_reply(Time::from_millis(20), &reply(1, 0, id, b"r"));
    client.handle_reply(Time::from_millis(20), &reply(2, 0, id, b"r"));
    assert_eq!(completed(&mut client), Some((b"r".to_vec(), View(0))));
    assert_eq!(client.deadline(), None);
}

#[test]
fn where_there_is_one_way_only_it_is_the_same_to_the_moment() {
    let first = Duration::from_millis(70);
    let mut by_policy = super::again::Again::new(Patience::doubling(first)).unwrap();
    let mut plain =
        super::doubling::Again::new(super::doubling::Patience::doubling(first)).unwrap();
    let (mut one, mut other) = (by_policy.begin(Time(5)), plain.begin(Time(5)));
    for step in 0..200 {
        assert_eq!(one.next_at(), other.next_at(), "step {step}");
        let now = one.next_at();
        if step % 17 == 16 {
            by_policy.restart(now, &mut one);
            plain.restart(now, &mut other);
        } else {
            assert_eq!(by_policy.tick(now, &mut one), Ok(plain.tick(now, &mut other)));
        }
    }
}

#[test]
fn it_asks_again_after_two_four_and_eight_times_as_long_and_so_on_for_ever() {
    let mut client = client();
    client.submit(Time(0), vec![1]).unwrap();
    let mut sent = Vec::new();
    while sent.len() < 300 {
        let now = client.deadline().unwrap();
        client.tick(now);
        for effect in core::iter::from_fn(|| client.poll_effect()) {
            if matches!(effect, ClientEffect::Retransmitted(_)) {
                sent.push(now.0 / 1_000);
            }
        }
    }
    assert_eq!(sent[..5], [100, 300, 700, 1_500, 2_300]);
    assert_eq!(sent[299] - sent[298], 800);
    assert_eq!(client.retries().counters.retries, 300);
}

fn with(patience: Patience) -> Client {
    let keys = Simulated::new(Principal::Client(ClientId(1)), 7);
    let members = Membership::new(4).unwrap();
    Client::new(members, Arc::new(keys), patience, Timestamp(10)).unwrap()
}

#[test]
fn it_gives_up_when_its_attempts_are_used_up_and_goes_on_with_another_request() {
    let retry = retry::Config::default().jitter(Jitter::None).backoff(Backoff::Constant);
    let mut client = with(Patience { retry: retry.attempts(2), ..Patience::doubling(WAIT) });
    let id = client.submit(Time(0), vec![1]).unwrap();
    let mut given_up = None;
    while given_up.is_none() {
        client.tick(client.deadline().unwrap());
        given_up = core::iter::from_fn(|| client.poll_effect()).find_map(|effect| match effect {
            ClientEffect::GaveUp(request, why) => Some((request, why)),
            _ => None,
        });
    }
    assert_eq!(given_up, Some((id, Stop::Attempts)));
    assert_eq!((client.outstanding(), client.deadline()), (None, None));
    let next = client.submit(Time::from_millis(900), vec![2]).unwrap();
    assert!(next.timestamp > id.timestamp);
    // The first may be answered after all; that is nobody's answer now.
    client.handle_reply(Time::from_millis(901), &reply(1, 0, id, b"late"));
    client.handle_reply(Time::from_millis(901), &reply(2, 0, id, b"late"));
    assert_eq!(client.outstanding(), Some(next));
}

#[test]
fn retries_of_all_its_requests_share_one_budget() {
    let budget = BudgetConfig::default().share_ppm(0).floor(2);
    let retry = retry::Config::default().attempts(50).budget(budget);
    let mut client = with(Patience { retry, ..Patience::doubling(WAIT) });
    let mut given_up = Vec::new();
    for _ in 0..3 {
        client.submit(Time(0), vec![1]).unwrap();
        while let Some(at) = client.deadline() {
            client.tick(at);
        }
        given_up.extend(core::iter::from_fn(|| client.poll_effect()).filter_map(|effect| {
            match effect {
                ClientEffect::GaveUp(_, Stop::Budget { .. }) => Some(()),
                _ => None,
            }
        }));
    }
    assert_eq!((given_up.len(), client.retries().counters.retries), (3, 2));
}

#[test]
fn the_first_retransmission_follows_how_long_answers_take() {
    let timeout = timeout::Config::default().initial_ms(1_000).minimum_calls(10).refresh_ms(10);
    let mut client = with(Patience { timeout, ..Patience::doubling(WAIT) });
    let mut now_ms = 0;
    for _ in 0..30 {
        let id = client.submit(Time::from_millis(now_ms), vec![1]).unwrap();
        now_ms += 40;
        client.handle_reply(Time::from_millis(now_ms), &reply(1, 0, id, b"r"));
        client.handle_reply(Time::from_millis(now_ms), &reply(2, 0, id, b"r"));
    }
    while client.poll_effect().is_some() {}
    client.submit(Time::from_millis(now_ms), vec![1]).unwrap();
    let wait_ms = client.deadline().unwrap().0 / 1_000 - now_ms;
    assert!((60..=120).contains(&wait_ms), "{wait_ms} ms, where answers take 40");
}

/// Whom a client shows to have lied, and to whom it shows it.
#[cfg(feature = "guards")]
fn shown(client: &mut Client) -> Vec<NodeId> {
    let mut liars = Vec::new();
    while let Some(effect) = client.poll_effect() {
        match effect {
            ClientEffect::Contradicted(liar) => liars.push(liar),
            ClientEffect::Send { to, message: Message::Evidence(evidence) } => {
                assert_eq!(to, To::Others);
                assert_eq!(evidence.accused(), Principal::Node(*liars.last().unwrap()));
                let keys = Simulated::new(Principal::Client(ClientId(9)), 7);
                let judged = crate::detector::evidence::verify(&evidence, client.members(), &keys);
                assert_eq!(judged.unwrap().by, *liars.last().unwrap());
            }
            _ => {}
        }
    }
    liars
}

#[cfg(feature = "guards")]
fn one_request(client: &mut Client, at: u64, truth: &[u8], replies: &[u16]) -> Vec<NodeId> {
    let id = client.submit(Time(at), vec![1]).unwrap();
    for by in replies {
        let result = if *by == 2 { b"a lie" } else { truth };
        client.handle_reply(Time(at), &reply(*by, 0, id, result));
    }
    shown(client)
}

#[cfg(feature = "guards")]
#[test]
fn a_false_reply_is_shown_to_all_whenever_it_comes_and_not_each_time() {
    let mut client = client();
    client.show_lies(super::Shows::default());
    let minute = 60_000_000;
    assert_eq!(one_request(&mut client, 1, b"truth", &[0, 1, 3]), []);
    assert_eq!(one_request(&mut client, 2, b"truth", &[2, 0, 1]), [NodeId(2)]);
    assert_eq!(one_request(&mut client, 3, b"truth", &[2, 0, 1]), []);
    assert_eq!(one_request(&mut client, 2 + minute, b"truth", &[0, 1, 2]), [NodeId(2)]);
    let mut silent = self::client();
    assert_eq!(one_request(&mut silent, 1, b"truth", &[2, 0, 1]), [], "nobody asked for it");
}

#[cfg(feature = "guards")]
#[test]
fn what_the_log_has_no_room_for_is_not_shown_and_the_next_is() {
    let mut client = client();
    client.show_lies(super::Shows::default());
    let long = vec![7; crate::pbft::MAX_OPERATION_BYTES / 2];
    assert_eq!(one_request(&mut client, 1, &long, &[2, 0, 1]), []);
    assert_eq!(one_request(&mut client, 2, b"truth", &[2, 0, 1]), [NodeId(2)]);
}
