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
    seconds = iif(excluded.ended > 0, excluded.seconds, seconds),
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

-- Gives how many tasks neither ran nor were complete.
-- name: finish_run
UPDATE runs
SET (status, exit_code, ended) = (?1, ?2, ?3),
    (tasks, ran, complete, failed) = (
        SELECT
            count(*),
            count(*) FILTER (WHERE state = 'done'),
            count(*) FILTER (WHERE state = 'complete'),
            count(*) FILTER (WHERE state IN ('failed', 'disabled'))
        FROM (
            SELECT coalesce(nullif(r.state, ''), t.state) AS state
            FROM tasks AS t
            LEFT JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
            WHERE t.run = ?4
        )
    )
WHERE run = ?4
RETURNING tasks - ran - complete - failed
