//! What changes an account, and what it takes.

use super::*;

#[test]
fn a_change_of_an_enrolled_account_needs_a_proof() {
    let world = World::enrolled("");
    let manager = world.manager(Authority::User);
    let refusal = |request| match manager.answer(request) {
        Response::Refused(Refused { reason, .. }) => Some(reason),
        _ => None,
    };
    assert_eq!(
        refusal(Request::Begin { label: None, proof: None, permit: None, device: None }),
        Some(Refusal::ProofRequired)
    );
    let logged = |words: &str| world.log.0.borrow().iter().any(|line| line.starts_with(words));
    assert!(logged("refused user=alice by=user reason=proof-required detail="));
    let wrong = || Typed::new("000000".into());
    assert_eq!(
        refusal(Request::Begin { label: None, proof: Some(wrong()), permit: None, device: None }),
        Some(Refusal::NotAccepted)
    );
    assert_eq!(refusal(Request::Remove { label: None, proof: wrong() }), Some(Refusal::NotAccepted));
    assert_eq!(refusal(Request::RegenerateRecoveryCodes { proof: wrong() }), Some(Refusal::NotAccepted));
    let proof = Typed::new(world.code(0));
    assert_eq!(refusal(Request::RegenerateRecoveryCodes { proof: proof.clone() }), None);
    assert_eq!(refusal(Request::Remove { label: None, proof }), Some(Refusal::NotAccepted));
    assert_eq!(reason(&world.login(&world.codes[0])), "wrong-code");
}

#[test]
fn only_a_change_that_is_recorded_is_logged() {
    let world = World::enrolled("");
    let remove = || Request::Remove { label: None, proof: Typed::new(world.codes[0].clone()) };
    let removed = || world.log.0.borrow().iter().any(|line| line.starts_with("removed user=alice"));
    // A directory has the name that the account's next version is to be written under.
    let temporary = world.account().with_file_name("alice.toml.new");
    fs::create_dir_all(temporary.join("full")).unwrap();
    assert!(matches!(
        world.manager(Authority::User).answer(remove()),
        Response::Refused(Refused { reason: Refusal::Failed, .. })
    ));
    assert!(!removed());
    assert!(world.log.0.borrow().iter().any(|line| line.starts_with("refused user=alice by=user reason=failed")));
    fs::remove_dir_all(&temporary).unwrap();
    assert!(matches!(world.manager(Authority::User).answer(remove()), Response::Removed { .. }));
    assert!(removed());
}

#[test]
fn a_pending_enrollment_dies_and_cannot_be_slipped_in() {
    let world = World::new("");
    let manager = world.manager(Authority::User);
    let Response::Pending(pending) =
        manager.answer(Request::Begin { label: None, proof: None, permit: None, device: None })
    else {
        panic!()
    };
    let secret = Secret::new(data_encoding::BASE32_NOPAD.decode(pending.secret.expose().as_bytes()).unwrap());
    world.pass(15 * 60);
    let code = Typed::new(code_at(&secret, PARAMETERS, world.clock.now().wall.step(30).0));
    assert!(matches!(
        manager.answer(Request::Confirm { code, next: None }),
        Response::Refused(Refused { reason: Refusal::NothingPending, .. })
    ));
    assert_eq!(world.login("").word(), "not-asked");
}

#[test]
fn the_last_authenticator_stays_where_one_is_required() {
    let world = World::enrolled("[policy]\nrequired = true\n");
    let request = Request::Remove { label: None, proof: Typed::new(world.code(0)) };
    let answered = world.manager(Authority::User).answer(request);
    assert!(matches!(answered, Response::Refused(Refused { reason: Refusal::Policy, .. })));
    assert!(world.gets_in(&world.code(0)));
}
