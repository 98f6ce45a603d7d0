-- Runs, their tasks, what became of them, and the events that are kept.
-- Tasks are numbered in each run, from 1; times are Unix seconds; lists are JSON. In the tables that
-- grow with tasks an absent text is '' and an absent number 0: binding NULL from Python costs nearly
-- a microsecond each.

CREATE TABLE runs (
    run         INTEGER PRIMARY KEY,
    run_id      TEXT NOT NULL UNIQUE,
    status      TEXT NOT NULL,
    exit_code   INTEGER,
    started     REAL NOT NULL,
    ended       REAL,
    -- Counted when the run ends: all, by state.
    tasks       INTEGER,
    ran         INTEGER,
    complete    INTEGER,
    failed      INTEGER,
    roots       TEXT NOT NULL DEFAULT '[]',
    root_names  TEXT NOT NULL DEFAULT '[]',
    name        TEXT NOT NULL DEFAULT '',
    invocation  TEXT NOT NULL DEFAULT '',
    place       TEXT NOT NULL DEFAULT '',
    user        TEXT NOT NULL DEFAULT '',
    host        TEXT NOT NULL DEFAULT '',
    pid         INTEGER NOT NULL DEFAULT 0,
    workers     INTEGER NOT NULL DEFAULT 1,
    executor    TEXT NOT NULL DEFAULT '',
    policy      TEXT NOT NULL DEFAULT '',
    nbflow      TEXT NOT NULL DEFAULT '',
    python      TEXT NOT NULL DEFAULT '',
    git_commit  TEXT NOT NULL DEFAULT '',
    git_dirty   INTEGER
) STRICT;

-- What the tasks of one class have in common.
CREATE TABLE definitions (
    run           INTEGER NOT NULL,
    definition    INTEGER NOT NULL,
    family        TEXT NOT NULL,
    module        TEXT NOT NULL,
    code_hash     TEXT NOT NULL,
    code_version  INTEGER NOT NULL,
    -- Names of parameters that are not shown.
    unshown       TEXT NOT NULL,
    PRIMARY KEY (run, definition)
) STRICT, WITHOUT ROWID;

CREATE INDEX definitions_by_family ON definitions (family);

CREATE TABLE workers (
    run        INTEGER NOT NULL,
    worker     INTEGER NOT NULL,
    worker_id  TEXT NOT NULL,
    PRIMARY KEY (run, worker)
) STRICT, WITHOUT ROWID;

-- A task as it was planned.
CREATE TABLE tasks (
    run         INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    task_id     TEXT NOT NULL,
    definition  INTEGER NOT NULL,
    params      TEXT NOT NULL,
    state       TEXT NOT NULL,
    -- Numbers of the tasks that it requires.
    deps        TEXT NOT NULL,
    -- 1: external, 2: wrapper, 4: declares no output.
    flags       INTEGER NOT NULL,
    priority    REAL NOT NULL,
    resources   TEXT NOT NULL,
    -- Paths of the outputs that it declares.
    declared    TEXT NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX tasks_by_id ON tasks (task_id);

-- What became of a task; no row while it is as it was planned.
CREATE TABLE task_runs (
    run           INTEGER NOT NULL,
    n             INTEGER NOT NULL,
    -- '' where it is as planned.
    state         TEXT NOT NULL,
    -- The first start, the last end, and the seconds inside the last run() that ended, else -1.
    started       REAL NOT NULL,
    ended         REAL NOT NULL,
    seconds       REAL NOT NULL,
    attempts      INTEGER NOT NULL,
    worker        INTEGER NOT NULL,
    message       TEXT NOT NULL,
    -- 0 to 1; -1 where the task did not say.
    fraction      REAL NOT NULL,
    tracking_url  TEXT NOT NULL,
    note          TEXT NOT NULL,
    -- Each file as [path, bytes, Unix seconds of its last change].
    outputs       TEXT NOT NULL,
    inputs        TEXT NOT NULL,
    -- Numbers of the tasks that it required while it ran.
    new_deps      TEXT NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- One row a failure; attempt 0 is the plan.
CREATE TABLE errors (
    run        INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    type       TEXT NOT NULL,
    message    TEXT NOT NULL,
    traceback  TEXT NOT NULL,
    file       TEXT NOT NULL,
    line       INTEGER NOT NULL,
    function   TEXT NOT NULL,
    notes      TEXT NOT NULL,
    -- Source lines around `line`, each as [number, text].
    source     TEXT NOT NULL,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    PRIMARY KEY (run, n, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_kinds (
    kind  INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE
) STRICT;

-- `data` is JSON of what the other tables do not say.
CREATE TABLE events (
    run   INTEGER NOT NULL,
    seq   INTEGER NOT NULL,
    at    REAL NOT NULL,
    kind  INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    data  TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO event_kinds (kind, name) VALUES
    (1, 'RunStarted'),
    (2, 'RunFinished'),
    (3, 'TaskAdded'),
    (4, 'PlanFailed'),
    (5, 'TaskStarted'),
    (6, 'TaskSuspended'),
    (7, 'TaskSucceeded'),
    (8, 'TaskFoundComplete'),
    (9, 'TaskFailed'),
    (10, 'TaskRequeued'),
    (11, 'TaskDisabled'),
    (12, 'TaskEnabled'),
    (13, 'TaskForgotten'),
    (14, 'RunCancelled'),
    (15, 'TaskResourcesDecreased');
