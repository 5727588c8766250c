CREATE TABLE blocks (
    book_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    first INTEGER NOT NULL,
    unit TEXT NOT NULL,
    last INTEGER NOT NULL,
    parent TEXT NOT NULL,
    digest TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (book_id, phase, first, unit)
)
 STRICT;

CREATE TABLE books (
    book_id TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    identity TEXT NOT NULL,
    error TEXT,
    cancel_requested INTEGER NOT NULL,
    PRIMARY KEY (book_id)
)
 STRICT;

CREATE TABLE documents (
    book_id TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (book_id, name)
)
 STRICT;

CREATE TABLE equity (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    cash INTEGER NOT NULL,
    positions_value INTEGER NOT NULL,
    equity INTEGER NOT NULL,
    realised INTEGER NOT NULL,
    invested INTEGER NOT NULL,
    open_positions INTEGER NOT NULL,
    unquoted INTEGER NOT NULL,
    has_chain INTEGER NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE events (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    contract TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price INTEGER NOT NULL,
    cash INTEGER NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE exits (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    value INTEGER NOT NULL,
    gain INTEGER NOT NULL,
    held_sessions INTEGER NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE fills (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    contract TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price INTEGER NOT NULL,
    fees INTEGER NOT NULL,
    bid INTEGER,
    ask INTEGER,
    taken_at TEXT,
    modelled INTEGER NOT NULL,
    cash INTEGER NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE intents (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    units INTEGER NOT NULL,
    legs TEXT NOT NULL,
    limit_price INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE live_books (
    book_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    owner TEXT,
    session INTEGER,
    lease_until INTEGER,
    halted INTEGER NOT NULL,
    flatten INTEGER NOT NULL,
    reason TEXT NOT NULL,
    changed_at INTEGER,
    PRIMARY KEY (book_id)
)
 STRICT;

CREATE TABLE live_decisions (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    step TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (book_id, session, step)
)
 STRICT;

CREATE TABLE live_deliveries (
    book_id TEXT NOT NULL,
    "key" TEXT NOT NULL,
    notifier TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (book_id, "key", notifier)
)
 STRICT;

CREATE TABLE live_journal (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE live_notices (
    book_id TEXT NOT NULL,
    "key" TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    session INTEGER NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    settled INTEGER NOT NULL,
    PRIMARY KEY (book_id, "key")
)
 STRICT;

CREATE TABLE marks (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position_id TEXT NOT NULL,
    contract TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    quoted INTEGER NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE meta (
    schema_version INTEGER NOT NULL
)
 STRICT;

CREATE TABLE notes (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    position_id TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE replies (
    book_id TEXT NOT NULL,
    "key" TEXT NOT NULL,
    reply BLOB,
    owner TEXT,
    lease_until INTEGER,
    PRIMARY KEY (book_id, "key")
)
 STRICT;

CREATE TABLE signals (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    expert TEXT NOT NULL,
    underlying TEXT NOT NULL,
    direction TEXT NOT NULL,
    confidence REAL NOT NULL,
    structure TEXT NOT NULL,
    legs TEXT NOT NULL,
    no_fit TEXT,
    reasons TEXT NOT NULL,
    proposals TEXT NOT NULL,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE TABLE verdicts (
    book_id TEXT NOT NULL,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    expert TEXT NOT NULL,
    underlying TEXT NOT NULL,
    verdict TEXT NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    numbers TEXT NOT NULL,
    units INTEGER NOT NULL,
    position_id TEXT,
    PRIMARY KEY (book_id, session, seq)
)
 WITHOUT ROWID,
 STRICT;

CREATE INDEX live_notices_waiting ON live_notices (settled, at);

INSERT INTO meta (schema_version) VALUES (3);
