-- A day that is summed up again shows who traded then, and nobody who came later.

ALTER TABLE workers ADD COLUMN first_session date;
COMMENT ON COLUMN workers.first_session IS 'The session (KST date) from which on the worker belongs to the fleet; null where nobody has told';
UPDATE workers SET first_session = LEAST(
    (SELECT min((since AT TIME ZONE 'Asia/Seoul')::date) FROM worker_states
        WHERE worker_states.account_id = workers.account_id AND worker_states.worker_id = workers.worker_id),
    (registered_at AT TIME ZONE 'Asia/Seoul')::date
);
