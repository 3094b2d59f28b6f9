-- How far a session is flushed.
--
-- KEYS[1] session hash, KEYS[2] sweeper's lease
-- Returns { flushed revision, 1 if dirty, number of the last commit, lease left (ms) }
local held = redis.call('HMGET', KEYS[1], 'flushed', 'dirty', 'last_commit')
return { held[1] or '0', held[2] and 1 or 0, held[3] or '0', math.max(0, redis.call('PTTL', KEYS[2])) }
