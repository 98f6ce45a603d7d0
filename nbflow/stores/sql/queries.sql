-- Every statement that the store runs; the INSERTs are widened to many rows.

-- name: open_run
INSERT INTO runs (
    run_id, status, started, roots, root_names, name, invocation, place, user, host, pid, workers,
    executor, policy, nbflow, python, git_commit, git_dirty
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING
RETURNING run

-- name: write_definitions
INSERT INTO definitions (run, definition, family, module, code_hash, code_version, unshown)
VALUES (?,?,?,?,?,?,?)
ON CONFLICT DO NOTHING

-- name: write_workers
INSERT INTO workers (run, worker, worker_id)
VALUES (?,?,?)
ON CONFLICT DO NOTHING

-- name: write_tasks
INSERT INTO tasks (
    run, n, task_id, definition, params, state, deps, flags, priority, resources, declared
)
VALUES (?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (run, n) DO UPDATE SET deps = iif(excluded.deps = '', deps, excluded.deps)

-- name: write_task_runs
INSERT INTO task_runs (
    run, n, state, started, ended, seconds, attempts, worker, message, fraction, tracking_url,
    note, outputs, inputs, new_deps
)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (run, n) DO UPDATE SET
    state = iif(excluded.state = '', state, excluded.state),
    started = iif(started > 0, started, excluded.started),
    ended = iif(excluded.state = '', ended, excluded.ended),
    seconds = iif(excluded.seconds < 0, seconds, excluded.seconds),
    attempts = max(attempts, excluded.attempts),
    worker = iif(excluded.worker = 0, worker, excluded.worker),
    message = iif(excluded.message = '', message, excluded.message),
    fraction = iif(excluded.fraction < 0, fraction, excluded.fraction),
    tracking_url = iif(excluded.tracking_url = '', tracking_url, excluded.tracking_url),
    note = iif(excluded.note = '', note, excluded.note),
    outputs = iif(excluded.outputs = '', outputs, excluded.outputs),
    inputs = iif(excluded.inputs = '', inputs, excluded.inputs),
    new_deps = CASE
        WHEN new_deps = '' THEN excluded.new_deps
        WHEN excluded.new_deps = '' THEN new_deps
        ELSE rtrim(new_deps, ']') || ',' || ltrim(excluded.new_deps, '[')
    END

-- name: write_errors
INSERT INTO errors (
    run, n, seq, attempt, type, message, traceback, file, line, function, notes, source, host, pid
)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT DO NOTHING

-- name: write_events
INSERT INTO events (run, seq, at, kind, n, data)
VALUES (?,?,?,?,?,?)
ON CONFLICT DO NOTHING

-- name: states_of_run
SELECT t.n, coalesce(nullif(r.state, ''), t.state), t.deps, coalesce(r.new_deps, '')
FROM tasks AS t
LEFT JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
WHERE t.run = ?

-- name: finish_run
UPDATE runs
SET status = ?, exit_code = ?, ended = ?, tasks = ?, ran = ?, complete = ?, failed = ?
WHERE run = ?

-- The newest first. ?1: GLOB of a root's family, or NULL; ?2 and ?3: statuses, or NULLs;
-- ?4: earliest start, or NULL.
-- name: read_runs
SELECT
    run_id, status, started, ended, ran, complete, failed, tasks, exit_code, name, invocation,
    place, user, host, pid, workers, executor, policy, nbflow, python, git_commit, git_dirty,
    roots, root_names
FROM runs
WHERE (?1 IS NULL OR EXISTS (
        SELECT 1 FROM json_each(root_names) AS root
        WHERE root.value GLOB ?1 OR root.value GLOB ?1 || '(*'
    ))
    AND (?2 IS NULL OR status IN (?2, ?3))
    AND (?4 IS NULL OR started >= ?4)
ORDER BY run DESC

-- name: count_states
SELECT
    count(*),
    count(*) FILTER (WHERE state = 'done'),
    count(*) FILTER (WHERE state = 'complete'),
    count(*) FILTER (WHERE state = 'failed')
FROM (
    SELECT coalesce(nullif(r.state, ''), t.state) AS state
    FROM runs AS u
    JOIN tasks AS t ON t.run = u.run
    LEFT JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
    WHERE u.run_id = ?
)

-- In the order of planning, the newest run first. ?1: run_id, ?2: GLOB of family or task id,
-- ?3: state, ?4: earliest start, ?5: how many; NULL for any.
-- name: read_task_runs
SELECT
    u.run_id, t.n, t.task_id, d.family, d.module, t.params, d.unshown,
    coalesce(nullif(r.state, ''), t.state),
    r.started, r.ended, r.seconds, r.attempts, w.worker_id, r.message, r.fraction, r.tracking_url,
    r.note, e.type, e.message, e.traceback, e.file, e.line, e.function, e.notes,
    d.code_hash, d.code_version, t.declared, r.outputs, r.inputs, t.deps, r.new_deps
FROM runs AS u
JOIN tasks AS t ON t.run = u.run
JOIN definitions AS d ON d.run = t.run AND d.definition = t.definition
LEFT JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
LEFT JOIN workers AS w ON w.run = t.run AND w.worker = r.worker
LEFT JOIN errors AS e ON e.run = t.run AND e.n = t.n AND e.seq = (
    SELECT max(seq) FROM errors AS last WHERE last.run = t.run AND last.n = t.n
)
WHERE (?1 IS NULL OR u.run_id = ?1)
    AND (?2 IS NULL OR d.family GLOB ?2 OR t.task_id GLOB ?2)
    AND (?3 IS NULL OR coalesce(nullif(r.state, ''), t.state) = ?3)
    AND (?4 IS NULL OR u.started >= ?4)
ORDER BY u.run DESC, t.n
LIMIT coalesce(?5, -1)

-- name: running_runs
SELECT run_id, host, pid, started FROM runs WHERE status = 'RUNNING'

-- name: read_events
SELECT e.seq, e.at, k.name, e.n, e.data
FROM runs AS u
JOIN events AS e ON e.run = u.run
JOIN event_kinds AS k ON k.kind = e.kind
WHERE u.run_id = ?
ORDER BY e.seq

-- name: read_task_ids
SELECT t.n, t.task_id FROM runs AS u JOIN tasks AS t ON t.run = u.run WHERE u.run_id = ?

-- name: read_workers
SELECT w.worker, w.worker_id FROM runs AS u JOIN workers AS w ON w.run = u.run WHERE u.run_id = ?

-- name: last_run_id
SELECT run_id FROM runs ORDER BY run DESC LIMIT 1

-- name: find_runs
SELECT run_id
FROM runs
WHERE substr(run_id, 1, length(?1)) = ?1 OR substr(run_id, -length(?1)) = ?1
ORDER BY run_id = ?1 DESC, run DESC
LIMIT 5

-- name: recent_run_ids
SELECT run_id FROM runs ORDER BY run DESC LIMIT 500

-- The latest executions that succeeded.
-- name: family_seconds
SELECT r.seconds
FROM definitions AS d
JOIN tasks AS t ON t.run = d.run AND t.definition = d.definition
JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
WHERE d.family = ? AND r.state = 'done'
ORDER BY d.run DESC
LIMIT 500

-- As above, of every family. ?1: GLOB of the family, ?2: earliest start of a run; NULL for any.
-- name: read_durations
SELECT family, seconds, ended
FROM (
    SELECT
        d.family, r.seconds, r.ended,
        row_number() OVER (PARTITION BY d.family ORDER BY d.run DESC, r.n DESC) AS place
    FROM definitions AS d
    JOIN runs AS u ON u.run = d.run
    JOIN tasks AS t ON t.run = d.run AND t.definition = d.definition
    JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
    WHERE r.state = 'done'
        AND (?1 IS NULL OR d.family GLOB ?1)
        AND (?2 IS NULL OR u.started >= ?2)
)
WHERE place <= 500
ORDER BY family, place

-- The newest first. ?1: GLOB of family or task id, ?2: earliest start of a run, ?3: how many; NULL
-- for any.
-- name: read_failures
SELECT
    u.run_id, t.task_id, d.family, t.params, d.unshown, e.attempt, v.at,
    e.type, e.message, e.file, e.line, e.function
FROM errors AS e
JOIN runs AS u ON u.run = e.run
JOIN tasks AS t ON t.run = e.run AND t.n = e.n
JOIN definitions AS d ON d.run = t.run AND d.definition = t.definition
LEFT JOIN events AS v ON v.run = e.run AND v.seq = e.seq
WHERE (?1 IS NULL OR d.family GLOB ?1 OR t.task_id GLOB ?1)
    AND (?2 IS NULL OR u.started >= ?2)
ORDER BY e.run DESC, e.seq DESC
LIMIT coalesce(?3, -1)

-- name: last_values
SELECT t.params, coalesce(nullif(r.state, ''), t.state), coalesce(nullif(r.ended, 0), u.started)
FROM definitions AS d
JOIN runs AS u ON u.run = d.run
JOIN tasks AS t ON t.run = d.run AND t.definition = d.definition
LEFT JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
WHERE d.family = ?
ORDER BY d.run DESC
LIMIT 1000
