CREATE TABLE blocks (
    book_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    first BIGINT NOT NULL,
    unit TEXT NOT NULL,
    last BIGINT NOT NULL,
    parent TEXT NOT NULL,
    digest TEXT NOT NULL,
    state BYTEA NOT NULL,
    PRIMARY KEY (book_id, phase, first, unit)
);

CREATE TABLE books (
    book_id TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    identity TEXT NOT NULL,
    error TEXT,
    cancel_requested INTEGER NOT NULL,
    PRIMARY KEY (book_id)
);

CREATE TABLE documents (
    book_id TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (book_id, name)
);

CREATE TABLE equity (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    positions_value BIGINT NOT NULL,
    equity BIGINT NOT NULL,
    realised BIGINT NOT NULL,
    invested BIGINT NOT NULL,
    open_positions BIGINT NOT NULL,
    unquoted BIGINT NOT NULL,
    has_chain BIGINT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE events (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    position_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    contract TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    price BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE exits (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    position_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    value BIGINT NOT NULL,
    gain BIGINT NOT NULL,
    held_sessions BIGINT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE fills (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    position_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    contract TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    price BIGINT NOT NULL,
    fees BIGINT NOT NULL,
    bid BIGINT,
    ask BIGINT,
    taken_at TEXT,
    modelled BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE intents (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    position_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    units BIGINT NOT NULL,
    legs TEXT NOT NULL,
    limit_price BIGINT,
    reason TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE live_books (
    book_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    owner TEXT,
    session BIGINT,
    lease_until BIGINT,
    halted INTEGER NOT NULL,
    flatten INTEGER NOT NULL,
    reason TEXT NOT NULL,
    changed_at BIGINT,
    PRIMARY KEY (book_id)
);

CREATE TABLE live_decisions (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    step TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (book_id, session, step)
);

CREATE TABLE live_deliveries (
    book_id TEXT NOT NULL,
    key TEXT NOT NULL,
    notifier TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (book_id, key, notifier)
);

CREATE TABLE live_journal (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE live_notices (
    book_id TEXT NOT NULL,
    key TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    session BIGINT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    settled INTEGER NOT NULL,
    PRIMARY KEY (book_id, key)
);

CREATE TABLE marks (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    position_id TEXT NOT NULL,
    contract TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    quoted BIGINT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE meta (
    schema_version INTEGER NOT NULL
);

CREATE TABLE notes (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    position_id TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE replies (
    book_id TEXT NOT NULL,
    key TEXT NOT NULL,
    reply BYTEA,
    owner TEXT,
    lease_until BIGINT,
    PRIMARY KEY (book_id, key)
);

CREATE TABLE signals (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    expert TEXT NOT NULL,
    underlying TEXT NOT NULL,
    direction TEXT NOT NULL,
    confidence DOUBLE PRECISION NOT NULL,
    structure TEXT NOT NULL,
    legs TEXT NOT NULL,
    no_fit TEXT,
    reasons TEXT NOT NULL,
    proposals TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
);

CREATE TABLE verdicts (
    book_id TEXT NOT NULL,
    session BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    expert TEXT NOT NULL,
    underlying TEXT NOT NULL,
    verdict TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    numbers TEXT NOT NULL,
    units BIGINT NOT NULL,
    position_id TEXT,
    PRIMARY KEY (book_id, session, seq)
);

CREATE INDEX live_notices_waiting ON live_notices (settled, at);

INSERT INTO meta (schema_version) VALUES (3);
