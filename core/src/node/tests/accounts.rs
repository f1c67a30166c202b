//! What several nodes hold of what was said, put together.

use super::*;
use crate::{
    detector::evidence::OffenceKind,
    ids::ClientId,
    node::{Account, BadAccount, Export, MAX_ACCOUNT_BYTES},
};

fn stranger() -> Arc<dyn crate::crypto::Authenticator> {
    Arc::new(Simulated::new(Principal::Client(ClientId(9)), 7))
}

fn account_of(said: &[Message]) -> Account {
    let mut one = One::new();
    for message in said {
        one.hear(3, message.clone());
    }
    assert!(one.node.proofs().is_empty(), "alone it proves nothing");
    Account::decode(&one.node.account().encode()).expect("it reads what it wrote")
}

fn story(of: &str) -> Message {
    Message::Prepare(prepare(2, 3, of).into())
}

fn culprits(found: &[Export]) -> Vec<(NodeId, OffenceKind)> {
    let judged = found.iter().flat_map(|it| it.judge(four(), stranger()).expect("it holds"));
    judged.map(|(_, verdict)| verdict.expect("it is proven")).map(|it| (it.by, it.kind)).collect()
}

#[test]
fn two_stories_at_two_nodes_are_proof_when_put_together() {
    let [one, other] = [account_of(&[story("one")]), account_of(&[story("other")])];
    let alone = Account::compare(alloc::vec![one.clone(), one.clone()], four(), &stranger());
    assert_eq!(alone, (Vec::new(), alloc::vec![Ok(()), Ok(())]));
    let (found, usable) = Account::compare(alloc::vec![one, other], four(), &stranger());
    assert_eq!(usable, [Ok(()), Ok(())]);
    assert_eq!(culprits(&found), [(NodeId(2), OffenceKind::TwoPrepares)]);
    // It is a file of proofs like any other.
    assert_eq!(Export::decode(&found[0].encode()), Ok(found[0].clone()));
}

/// Of two statements that contradict each other its transcript has the first.
#[test]
fn what_a_node_has_found_out_already_counts_once_and_what_proves_nothing_does_not() {
    let mut one = One::new();
    one.hear(3, story("one"));
    one.hear(3, story("other"));
    let mut account = one.node.account();
    account.proofs.push(Evidence::Prepares(prepare(1, 3, "one"), prepare(1, 4, "other")).into());
    let accounts = alloc::vec![account.clone(), account, account_of(&[story("other")])];
    let (found, _) = Account::compare(accounts, four(), &stranger());
    assert_eq!(culprits(&found), [(NodeId(2), OffenceKind::TwoPrepares)]);
}

/// Two of four lie and a change was agreed before the fork: both sides go on in epochs of their own.
#[test]
fn a_fork_that_crosses_the_end_of_an_epoch_is_proven_by_what_ended_it() {
    let account = |end: Arc<EpochEnd>| Account {
        chain: alloc::vec![end],
        epoch: Epoch(1),
        ..Account::default()
    };
    let [one, other] =
        [("one", [0, 1, 2]), ("other", [0, 1, 3])].map(|(state, by)| account(end(state, &by)));
    let accounts = alloc::vec![one.clone(), other];
    let (found, usable) = Account::compare(accounts, four(), &stranger());
    assert_eq!(usable, [Ok(()), Ok(())]);
    let both = [0, 1].map(|by| (NodeId(by), OffenceKind::TwoCheckpoints));
    assert_eq!(culprits(&found), both);
    let (found, _) = Account::compare(alloc::vec![one.clone(), one], four(), &stranger());
    assert_eq!(found, []);
}

#[test]
fn who_signed_two_ends_of_an_epoch_is_convicted_by_whoever_is_shown_both() {
    let mut one = One::new();
    let ends = |end| Message::EpochEnds([end].into());
    one.hear(3, ends(end("one", &[1, 2, 3])));
    assert_eq!(one.node.replica().epoch(), Epoch(1));
    assert_eq!(convictions(&one.hear(3, ends(end("one", &[0, 1, 2])))), []);
    let effects = one.hear(3, ends(end("other", &[0, 1, 2])));
    assert_eq!(convictions(&effects), [(1, None), (2, None)]);
    assert_eq!(shown(&effects).len(), 2);
    assert_eq!(convictions(&one.hear(3, ends(end("other", &[0, 1, 2])))), []);
}

#[test]
fn what_nobody_signed_convicts_nobody() {
    let one = account_of(&[story("one")]);
    let mut forged = one.clone();
    let mut vote = prepare(1, 3, "other");
    vote.by = Principal::Node(NodeId(2));
    forged.transcript.prepares = alloc::vec![vote.into()];
    let (found, _) = Account::compare(alloc::vec![one, forged], four(), &stranger());
    assert_eq!(found, []);
}

#[test]
fn an_account_of_an_epoch_that_is_not_proven_is_left_out_and_the_others_count() {
    let [one, other] = [account_of(&[story("one")]), account_of(&[story("other")])];
    let unknown = Account { epoch: Epoch(3), ..one.clone() };
    let (found, usable) = Account::compare(alloc::vec![one, unknown, other], four(), &stranger());
    let why = BadAccount::Epoch { of: Epoch(3), last: Epoch(0) };
    assert_eq!(usable, [Ok(()), Err(why), Ok(())]);
    assert_eq!(culprits(&found), [(NodeId(2), OffenceKind::TwoPrepares)]);
}

#[test]
fn a_file_is_an_account_or_is_refused_in_words() {
    let file = account_of(&[story("one")]).encode();
    for end in 0..file.len() {
        assert!(Account::decode(&file[..end]).is_err(), "cut off after {end}");
    }
    assert_eq!(Account::decode(b"conclave evidence 1\n"), Err(BadAccount::Header));
    let found = MAX_ACCOUNT_BYTES + 1;
    assert_eq!(Account::decode(&alloc::vec![0; found]), Err(BadAccount::TooLong { found }));
}
