-- Every statement that the store runs; the INSERTs are widened to many rows.

-- name: open_run
INSERT INTO runs (
    run_id, status, started, roots, root_names, name, invocation, place, user, host, pid, workers,
    executor, policy, nbflow, python, git_commit, git_dirty
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id) DO UPDATE SET status = excluded.status
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
ON CONFLICT (run, n) DO UPDATE SET deps = coalesce(excluded.deps, deps)

-- name: write_task_runs
INSERT INTO task_runs (
    run, n, state, started, ended, seconds, attempts, worker, message, fraction, tracking_url,
    note, outputs, inputs, new_deps
)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (run, n) DO UPDATE SET
    state = coalesce(excluded.state, state),
    started = coalesce(started, excluded.started),
    ended = CASE WHEN excluded.state IS NULL THEN ended ELSE excluded.ended END,
    seconds = coalesce(excluded.seconds, seconds),
    attempts = coalesce(excluded.attempts, attempts),
    worker = coalesce(excluded.worker, worker),
    message = coalesce(excluded.message, message),
    fraction = coalesce(excluded.fraction, fraction),
    tracking_url = coalesce(excluded.tracking_url, tracking_url),
    note = coalesce(excluded.note, note),
    outputs = coalesce(excluded.outputs, outputs),
    inputs = coalesce(excluded.inputs, inputs),
    new_deps = CASE
        WHEN new_deps IS NULL OR excluded.new_deps IS NULL
            THEN coalesce(excluded.new_deps, new_deps)
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
SELECT t.n, coalesce(r.state, t.state), t.deps, r.new_deps
FROM tasks AS t
LEFT JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
WHERE t.run = ?

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
            SELECT coalesce(r.state, t.state) AS state
            FROM tasks AS t
            LEFT JOIN task_runs AS r ON r.run = t.run AND r.n = t.n
            WHERE t.run = ?4
        )
    )
WHERE run = ?4
