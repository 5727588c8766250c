"""How a checkpoint is named."""

from __future__ import annotations

from optarb.stores import SqlStore, checkpoint_digest


def test_checkpoint_digest_when_computed_then_sha256_of_parent_line_feed_state():
    # printf '\n{}' | sha256sum
    assert checkpoint_digest("", b"{}") == "a062dd4952b935e430d409c4a5e5cd760e8781e3200d5c7e12a232dddba8a528"
    # printf 'ab\n' | sha256sum
    assert checkpoint_digest("ab", b"") == "a63d8014dba891345b30174df2b2a57efbb65b4f9f09b98f245d1b3192277ece"


def test_checkpoint_when_stored_then_named_so(request):
    from optarb.protocols.stores import BlockKey

    store = SqlStore(url="sqlite://", name=request.node.nodeid)
    store.claim("book", owner="me", identity="same", documents={}, lease_seconds=60)
    key = BlockKey(phase="trade", unit="", first=20140103)
    store.commit("book", 1, key, last=20140103, parent="ab", state=b"{}", rows={})
    assert store.checkpoint("book", "trade").digest == checkpoint_digest("ab", b"{}")
