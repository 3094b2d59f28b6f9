-- How far a session is flushed.
--
-- KEYS[1] session hash, KEYS[2] sweeper's lease
-- Returns { flushed revision, 1 if dirty, number of the last commit, lease left (ms) }
local held = redis.call('HMGET', KEYS[1], 'flushed', 'dirty', 'last_commit')
-- What isn't a number counts as none: the room then takes it for a loss, and commits again.
local function number(value) return string.match(value or '', '^%d+$') or '0' end
return { number(held[1]), held[2] and 1 or 0, number(held[3]), math.max(0, redis.call('PTTL', KEYS[2])) }
