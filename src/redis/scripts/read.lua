-- What the buffer holds of a session that Postgres may not have, for a reader.
--
-- KEYS[1] session hash, KEYS[2] messages hash
-- ARGV[1] 1 to read the messages too
-- Returns { { field, value, … } of the session, { JSON of a message, … } }
return { redis.call('HGETALL', KEYS[1]), ARGV[1] == '1' and redis.call('HVALS', KEYS[2]) or {} }
