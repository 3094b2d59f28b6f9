-- What the buffer holds of a session that Postgres may not have, for a reader.
--
-- KEYS[1] session hash
-- Returns { field, value, … } of the session
return redis.call('HGETALL', KEYS[1])
