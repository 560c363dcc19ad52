"""Application passwords, made and revoked by the program that people type."""

import json


def run(enrolled, *words, proof=None, **options):
    """`twostep app-password`, run by the person, with a fresh code as the proof."""
    proof = enrolled.phone.fresh() if proof is None else proof
    return enrolled.person.run("twostep", "app-password", *words, input=f"{proof}\n", **options)


def create(enrolled, label, *services, networks=(), expires=None):
    """Makes one and gives it as it is shown."""
    words = ["create", label, "--print-only"]
    for service in services:
        words += ["--service", service]
    for network in networks:
        words += ["--from", network]
    words += ["--expires", expires] if expires else []
    done = run(enrolled, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def revoke(enrolled, label):
    done = run(enrolled, "revoke", label)
    assert done.returncode == 0, done.stderr


def listed(enrolled):
    """What there is, by label. No proof is needed to look."""
    done = enrolled.person.run("twostep", "app-password", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {one["label"]: one for one in json.loads(done.stdout)["app_passwords"]}
